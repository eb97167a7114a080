"""The environment of a command: what is known to belong there, and nothing else of the user's or the site's."""

import os
import sys

# Where things are, who asks, how to reach the network, what a scheduler and a graphics card say, and the loader's.
KEPT = {
    *(
        "PATH",
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "PWD",
        "TMPDIR",
        "TZ",
        "LANG",
        "LANGUAGE",
        "TERM",
        "COLUMNS",
        "LINES",
    ),
    *("NO_COLOR", "CI", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "GLIBC_TUNABLES", "CUBLAS_WORKSPACE_CONFIG"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED"),
}
KEPT_PREFIXES = ("LC_", "MALLOC_", "CUDA_", "NVIDIA_", "SLURM", "npm_config_", "NPM_CONFIG_", "DIGITS_")


def foreign() -> list[str]:
    """Return the variables that are not known to belong to a command."""
    return [name for name in os.environ if name not in KEPT and not name.startswith(KEPT_PREFIXES)]


def clean_environment() -> None:
    """Where this process is `python -m digits.…`, remove them; start it anew where one may have changed Python itself."""
    if sys.orig_argv[1:2] != ["-m"] or not sys.orig_argv[2].startswith("digits."):
        return
    removed = foreign()
    for name in removed:
        del os.environ[name]
    if any(name.startswith("PYTHON") for name in removed):
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (the same command again)
