"""What file sinks wrote, found and read: archives, plans, lines, hits. Beside a running flow; changes nothing, asks Okta nothing."""
