"""Knows how a test reads a gateway's /metrics. Does not know what should stand there."""

from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.live_gateway import Gateway


async def metric(gateway: Gateway, name: str, **labels: str) -> float | None:
    """Return the value of a series as Prometheus would read it, None where there is none."""
    answer = await gateway.admin.get("/metrics")
    assert answer.status_code == 200
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return float(sample.value)
    return None
