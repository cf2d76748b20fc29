"""What ``habitue status``, alerts and the console say of an installation."""
