"""Counters and histograms, declared once. Increment only; whoever exposes them reads the tables.

Each name is an attribute of Metrics, so counting is one attribute addition on the hot path.
"""

from typing import Final

from resolver.histogram import Histogram

# name -> help text; names follow Prometheus conventions without the product prefix.
TABLE: Final[dict[str, str]] = {
    "queries_udp_total": "Queries received over UDP",
    "queries_tcp_total": "Queries received over TCP",
    "packet_hits_total": "Queries answered from the cache of finished packets",
    "replies_total": "Replies sent",
    "dropped_total": "Packets dropped without a reply (not a query, too short, queue full)",
    "malformed_total": "Queries that could not be parsed",
    "refused_total": "Queries refused by access control",
    "rate_limited_total": "Replies over a rate limit",
    "rate_limited_dropped_total": "Those that were not sent; the others were truncated",
    "tsig_rejected_total": "Queries with a wrong signature or an unknown key",
    "updates_total": "Dynamic updates made, those that change nothing included",
    "updates_refused_total": "Dynamic updates refused by access control, or for lack of a disk",
    "updates_relayed_total": "Dynamic updates passed on to a primary, and answered by it",
    "transfers_out_total": "Zone transfers handed out completely",
    "transfers_out_refused_total": "Zone transfers refused by access control or a quota",
    "transfers_out_failed_total": "Zone transfers broken off",
    "transfers_in_total": "New versions of zones transferred from primaries",
    "transfers_in_failed_total": "Transfers in that stopped at a bound, broke off or were faulty",
    "refreshes_failed_total": "Checks of secondary zones that no primary was of use in",
    "soa_queries_total": "SOA queries sent to primaries",
    "notifies_in_total": "NOTIFYs believed",
    "notifies_refused_total": "NOTIFYs refused",
    "notifies_out_total": "Servers told of a new version by NOTIFY",
    "notifies_failed_total": "Servers that did not take a NOTIFY",
    "recursions_total": "Client questions that needed recursion",
    "recursions_joined_total": "Client questions that joined one already in flight",
    "recursions_waited_total": "Client questions that waited for their turn (fair sharing)",
    "recursions_given_up_total": "Those whose turn never came, or came too late",
    "waiting_refused_total": "Queries dropped because too many of their network wait already",
    "replies_discarded_total": "Replies not sent because they came too late for a waiting crowd",
    "recursions_failed_total": "Client questions that ended in SERVFAIL",
    "fallback_used_total": "Questions answered by forwarders after iteration, or the reverse",
    "upstream_queries_total": "Queries sent to other servers",
    "upstream_tcp_total": "Queries sent to other servers over TCP",
    "upstream_timeouts_total": "Queries to other servers that got no reply in time",
    "upstream_mismatched_total": "Packets from other servers that matched no query in flight",
    "tcp_accepted_total": "TCP connections accepted",
    "tcp_refused_total": "TCP connections refused because of a limit",
    "query_log_lines_total": "Lines written to the query log",
    "query_log_dropped_total": "Lines of the query log that nobody took in time",
    "exceptions_total": "Our own mistakes: handlers that raised",
}

# The same for histograms, in seconds.
HISTOGRAMS: Final[dict[str, str]] = {
    "upstream_rtt_seconds": "Time from a query to another server to its reply",
    "loop_delay_seconds": "How much later than asked for the event loop turned, once a second",
    "garbage_search_seconds": "Time spent searching for garbage, in which nothing is answered",
}


class Metrics:
    """All counters of one process, starting at zero."""

    __slots__ = (*TABLE, *HISTOGRAMS)

    queries_udp_total: int
    queries_tcp_total: int
    packet_hits_total: int
    replies_total: int
    dropped_total: int
    malformed_total: int
    refused_total: int
    rate_limited_total: int
    rate_limited_dropped_total: int
    tsig_rejected_total: int
    updates_total: int
    updates_refused_total: int
    updates_relayed_total: int
    transfers_out_total: int
    transfers_out_refused_total: int
    transfers_out_failed_total: int
    transfers_in_total: int
    transfers_in_failed_total: int
    refreshes_failed_total: int
    soa_queries_total: int
    notifies_in_total: int
    notifies_refused_total: int
    notifies_out_total: int
    notifies_failed_total: int
    recursions_total: int
    recursions_joined_total: int
    recursions_waited_total: int
    recursions_given_up_total: int
    waiting_refused_total: int
    replies_discarded_total: int
    recursions_failed_total: int
    fallback_used_total: int
    upstream_queries_total: int
    upstream_tcp_total: int
    upstream_timeouts_total: int
    upstream_mismatched_total: int
    tcp_accepted_total: int
    tcp_refused_total: int
    query_log_lines_total: int
    query_log_dropped_total: int
    exceptions_total: int
    upstream_rtt_seconds: Histogram
    loop_delay_seconds: Histogram
    garbage_search_seconds: Histogram

    def __init__(self) -> None:
        for name in TABLE:
            setattr(self, name, 0)
        for name in HISTOGRAMS:
            setattr(self, name, Histogram())

    def read(self) -> dict[str, int]:
        """Every counter by name."""
        return {name: getattr(self, name) for name in TABLE}
