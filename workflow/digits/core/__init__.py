"""What every command needs: command lines, whole files, arrays and tables on disk, random generators."""
