"""The report of a ΔC9 run: a file for each part of the page, with its words, tables and figures."""
