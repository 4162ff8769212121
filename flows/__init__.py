"""What runs: the dataflows, and what turns a configuration file into one."""
