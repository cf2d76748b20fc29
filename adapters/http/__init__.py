"""What adapters over HTTP share: connections, departures, failures of the network, and what status codes mean."""
