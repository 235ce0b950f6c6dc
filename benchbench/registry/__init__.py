"""Plug-ins: hooks, entry points, specs, and what is wrong with a broken one."""
