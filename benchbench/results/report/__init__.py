"""The report: finished runs as one html page that needs nothing else, not even a network."""

from benchbench.results.report.page import Report, make_report

__all__ = ["Report", "make_report"]
