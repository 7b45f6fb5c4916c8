"""What Prometheus is told, out of plain facts, whoever has gathered them.

Names are after https://prometheus.io/docs/practices/naming/.
"""
