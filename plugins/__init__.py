"""The methods that come with benchbench, each a plug-in like anyone else's."""
