"""What goes on now: queues, agents, lines, calls, campaigns; kept fresh by server-sent events."""
