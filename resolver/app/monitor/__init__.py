"""For those who look after a server: metrics over HTTP, health, statistics, the live view."""
