"""Leaderboards as a plain html page; `benchbench report` makes one with pictures."""

from __future__ import annotations

import pandas as pd

from benchbench.reporters.sections import WORDS, Bold, sections

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Leaderboard</title>
<style>
body { font: 15px/1.4 system-ui, sans-serif; margin: 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; white-space: nowrap; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ccc; text-align: right; }
.words { text-align: left; }
</style>
</head>
<body>
{% macro kind(column) %}{% if column in words %} class="words"{% endif %}{% endmacro %}
{% macro data_table(frame) %}
<div class="wide"><table>
<thead><tr>
{%- for name in frame %}<th scope="col"{{ kind(name) }}>{{ name }}</th>{% endfor -%}
</tr></thead>
<tbody>
{% for row in frame.to_dict("records") %}
<tr>
{%- for name, value in row.items() %}<td{{ kind(name) }}>
{%- if value is bold %}<strong>{{ value }}</strong>{% else %}{{ value }}{% endif %}</td>
{%- endfor -%}
</tr>
{% endfor %}
</tbody>
</table></div>
{% endmacro %}
{% for section in sections %}
<h2>{{ section.title }}</h2>
{{ data_table(section.table) -}}
<ul>
{% for note in section.notes %}
<li>{{ note }}</li>
{% endfor %}
</ul>
{% if section.published is not none %}
<h3>Published, for context</h3>
{{ data_table(section.published) -}}
{% endif %}
{% else %}
<p>No finished runs.</p>
{% endfor %}
</body>
</html>
"""


def html(frame: pd.DataFrame) -> str:
    """A whole page: a heading, a table and its notes for each data set and protocol."""
    from jinja2 import Environment, StrictUndefined  # late, as `run` prints markdown only

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["bold"] = lambda value: isinstance(value, Bold)
    page = environment.from_string(PAGE)
    return page.render(sections=list(sections(frame)), words=WORDS)
