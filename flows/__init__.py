"""What can be run: each flow a readable list of steps; cli.py has one verb a flow."""
