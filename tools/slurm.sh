#!/usr/bin/env bash
# A SLURM cluster of two nodes, n1 and n2, on this machine: the real scheduler, for tests/cluster and for trying out profiles/.
# Usage, as root: tools/slurm.sh up [PROCESSORS] | down | lose NODE (as if its power failed) | node-up NODE
# Needs the packages of Debian or Ubuntu that PACKAGES names. The daemons answer on the address of this machine's name, and
# only to who has the key of its munge.
set -euo pipefail

PACKAGES="munge slurmctld slurmd slurm-client slurmdbd mariadb-server"
CONF=/etc/slurm/slurm.conf # where SLURM's commands look for it, those inside jobs too …
export SLURM_CONF=$CONF    # … unless this names another cluster
DBD_CONF=/etc/slurm/slurmdbd.conf
STATE=/var/lib/digits-slurm
MARK="# Written by tools/slurm.sh of digits; removed by: tools/slurm.sh down"
NODES=(n1 n2)

fail() {
    echo "error: $*" >&2
    exit 1
}

# Each node has half of the processors, or as many as named, real or not; and, so that the operating system keeps some,
# 40 % of the memory.
write_conf() { # PROCESSORS
    local host address cpus memory node port=17000
    host=$(hostname -s)
    address=$(getent ahostsv4 "$(hostname)" | awk '{ print $1; exit }')
    [ -n "$address" ] || fail "$(hostname), the name of this machine, has no address; add it to /etc/hosts: 127.0.0.1 $(hostname)"
    cpus=${1:-$(($(nproc) / 2 > 0 ? $(nproc) / 2 : 1))}
    memory=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) * 4 / 10 / 1024))
    mkdir -p "$(dirname "$CONF")" "$STATE"
    {
        cat <<END
$MARK
ClusterName=digits
SlurmctldHost=$host($address)
SlurmUser=root
StateSaveLocation=$STATE/controller
SlurmdSpoolDir=$STATE/%n
SlurmctldPidFile=$STATE/slurmctld.pid
SlurmdPidFile=$STATE/%n.pid
SlurmctldLogFile=$STATE/slurmctld.log
SlurmdLogFile=$STATE/%n.log
# One line for each job that ended: when it ran, how it ended, on which node.
JobCompType=jobcomp/filetxt
JobCompLoc=$STATE/completed.txt
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
# A job goes to the node with the least to do. Memory: watched every second; a job that takes more is killed.
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory,CR_LLN
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
# Two nodes on one machine, in a container as well as on metal: no cgroups, sizes as written here, one address.
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
# Small delays: tests wait for them.
SchedulerParameters=sched_min_interval=100000,bf_interval=5,batch_sched_delay=0
SlurmdTimeout=10
# After a node failed, its jobs wait this long (instead of two minutes) for their old credentials to expire.
AuthInfo=cred_expire=20
KillWait=5
OverTimeLimit=0
END
        for node in "${NODES[@]}"; do
            port=$((port + 1))
            echo "NodeName=$node NodeHostname=$host NodeAddr=$address Port=$port CPUs=$cpus RealMemory=$memory"
        done
        echo "PartitionName=main Nodes=$(IFS=,; echo "${NODES[*]}") Default=YES DefMemPerCPU=500 MaxTime=1-0 State=UP"
    } >"$CONF"
}

# The accounting database, which sacct asks, with a database server of its own: nobody else's, and without secrets.
start_accounting() {
    install -d -o mysql "$STATE/mysql"
    mariadb-install-db --user=mysql --datadir="$STATE/mysql" --skip-test-db >"$STATE/mysql.log" 2>&1
    mariadbd --no-defaults --user=mysql --datadir="$STATE/mysql" --socket="$STATE/mysql/socket" \
        --pid-file="$STATE/mysql/pid" --bind-address=127.0.0.1 --port=17000 --skip-grant-tables >"$STATE/mysql.log" 2>&1 &
    echo $! >"$STATE/mysql.pid"
    wait_for 30 mariadb-admin --no-defaults --socket="$STATE/mysql/socket" ping || fail "no database; see $STATE/mysql.log"
    cat >"$DBD_CONF" <<END
$MARK
DbdHost=localhost
DbdAddr=127.0.0.1
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=17000
StorageUser=slurm
LogFile=$STATE/slurmdbd.log
PidFile=$STATE/slurmdbd.pid
END
    chmod 600 "$DBD_CONF"
    slurmdbd
    wait_for 30 sacctmgr --noheader list cluster || fail "no accounting; see $STATE/slurmdbd.log"
    sacctmgr --immediate add cluster digits >/dev/null
}

wait_for() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

stop() { # PROGRAM of a pid file NAME, and wait until it is gone
    [ -s "$STATE/$2.pid" ] || return 0
    local pid
    pid=$(cat "$STATE/$2.pid")
    grep -qs "$1" "/proc/$pid/comm" || return 0 # the number may belong to another program by now
    kill "$pid" 2>/dev/null || return 0
    wait_for 20 test ! -e "/proc/$pid" || kill -9 "$pid"
}

# Kill the daemon of a node, the processes of its jobs, and those of SLURM that watch over them.
lose() {
    processes "$1" | xargs --no-run-if-empty kill -9 2>/dev/null || true
}

processes() {
    local folder parent
    pgrep --full "^slurmd -N $1\$" || true
    for folder in /proc/[0-9]*; do
        grep -qzx "SLURMD_NODENAME=$1" "$folder/environ" || continue
        echo "${folder#/proc/}"
        parent=$(awk '/^PPid:/ { print $2 }' "$folder/status")
        grep -q '^slurmstepd' "/proc/$parent/cmdline" && echo "$parent"
    done 2>/dev/null | sort -u
}

idle() { sinfo --noheader --nodes "$1" --format %t | grep -qx -e idle -e mix -e alloc; }

up() {
    local program node
    for program in munged slurmctld slurmd sbatch slurmdbd mariadbd; do
        command -v $program >/dev/null || fail "$program is not installed; on Debian or Ubuntu: apt install $PACKAGES"
    done
    write_conf "$@"
    munge --no-input 2>/dev/null | unmunge >/dev/null 2>&1 || {
        install -d -o munge -g munge -m 755 /run/munge
        runuser -u munge -- munged
        wait_for 10 munge --no-input || fail "munged does not answer; see /var/log/munge/munged.log"
        cp /run/munge/munged.pid "$STATE/munged.pid" # ours to stop again
    }
    start_accounting
    slurmctld
    for node in "${NODES[@]}"; do slurmd -N "$node"; done
    for node in "${NODES[@]}"; do
        wait_for 30 idle "$node" || fail "$node does not come up; see $STATE/slurmctld.log and $STATE/$node.log"
    done
    sinfo
}

down() {
    local node
    stop slurmctld slurmctld # first, so that no job that is ended is started again
    for node in "${NODES[@]}"; do lose "$node"; done
    stop slurmdbd slurmdbd
    stop mariadbd mysql
    stop munged munged
    rm -rf "$CONF" "$DBD_CONF" "$STATE"
}

[ "$(id -u)" = 0 ] || fail "SLURM's daemons need root: sudo tools/slurm.sh $*"
PATH=$PATH:/usr/sbin:/sbin
for file in "$CONF" "$DBD_CONF"; do
    if [ -e "$file" ] && ! grep -qxF "$MARK" "$file"; then
        fail "$file is there already and is not this script's; this machine seems to belong to a real cluster"
    fi
done
case "${1-}" in
    up) down && up "${@:2}" ;;
    down) down ;;
    lose) lose "${2:?}" ;;
    node-up) slurmd -N "${2:?}" && wait_for 30 idle "$2" ;;
    *) fail "say what: tools/slurm.sh up, or down" ;;
esac
