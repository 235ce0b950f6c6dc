"""Classes to start a method from, and parts that methods have in common."""
