"""What the commands share. Nothing here imports a command."""
