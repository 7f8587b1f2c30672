"""What tests of the gateway and of outside extensions stand on: real parts that are easy to start and to break."""
