"""Classes to start a method from."""
