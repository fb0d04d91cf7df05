"""What every process needs from the machine: folders, logs, readiness and watchdog, supervision."""
