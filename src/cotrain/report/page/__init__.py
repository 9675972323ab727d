"""A result as one HTML page that opens without a network: plain functions fill a record of what it
says, and one template shows it."""
