"""The dashboards of dashboards/ and what makes them: `python -m deploy.grafana` writes them anew."""
