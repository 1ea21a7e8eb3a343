"""What `ostiary doctor` examines on a machine, and what it says to do."""
