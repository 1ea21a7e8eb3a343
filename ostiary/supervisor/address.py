"""Knows where the gateway of an installation is reached on its machine. Starts nothing."""

from config.schema import Settings

EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # compared, never listened on


def api_url(settings: Settings) -> str:
    """Return the gateway's address on this machine, without a slash at its end."""
    host = settings.gateway.host
    host = "127.0.0.1" if host in EVERYWHERE else host
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls.cert else 'http'}://{host}:{settings.gateway.port}"
