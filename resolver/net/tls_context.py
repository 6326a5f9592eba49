"""How connections to servers are secured: TLS contexts, and what is wrong with a certificate.

Knows: OpenSSL by way of Python's ssl. Does not know: connections, addresses, DNS.

Source: RFC 8310 sections 5 and 8.1 (strict profile), RFC 9325 section 3.1 (versions).
"""

import ssl
from functools import lru_cache

HANDSHAKE_S = 10.0
MOST_CONTEXTS = 64


@lru_cache(MOST_CONTEXTS)
def client_context(authorities: str) -> ssl.SSLContext:
    """The context that trusts these authorities, PEM text, or those of the system for "". Whom it
    talks to must prove the name it is told. Raises ssl.SSLError for text that is no PEM."""
    context = ssl.create_default_context(cadata=authorities or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # An authority may be any certificate, also the server's own: that is how one is pinned.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return context


def tls_reason(error: ssl.SSLError) -> str:
    """What went wrong, in OpenSSL's words and without its marks."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message.rstrip('.')}"
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return f"TLS failed: {reason}"
