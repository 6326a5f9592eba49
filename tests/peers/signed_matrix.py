"""What the answer matrix asks signed zones beside its other questions, and where servers differ.

The form is that of answer_matrix.py; `{HASH}` is the NSEC3 owner of www. All of its questions are
asked, too, and its differences stay what they are unless they are listed anew here.
"""

import answer_matrix
from signed_zones import PARAMETERS, hashed

QUESTIONS = """
@ DNSKEY
@ NSEC
@ NSEC3PARAM
@ RRSIG
@ CDS                     NODATA at the apex
www NSEC3                 never at a name
a.b.c.d.nothing A         the closest encloser is far above
x.y.z.wild A
*.wild NSEC               asked by its own name
*.wild RRSIG
x.wild NSEC               a wildcard has an NSEC, too
x.wild RRSIG
*.went A                  a wildcard that is an empty non-terminal
x.wcname DS               wildcard CNAME, then NODATA
ent DS                    DS where there is no cut
nothing DS
a.d DS                    DNAME
d DS
sub NSEC                  at a cut
sub NSEC3
sub RRSIG
signed NSEC
signed RRSIG
x.sub DS                  below a cut
under.cut DS              an empty non-terminal that only leads to an insecure delegation
under.cut TXT
nothing.under.cut A
x.nothing.under.cut A
child DNSKEY
child NSEC
child NSEC3PARAM
"""

HASHED_QUESTIONS = """
{HASH} A                  the owner of NSEC3 is no name (RFC 5155 section 7.2.8)
{HASH} NSEC3
{HASH} ANY
x.{HASH} A
"""

# As in answer_matrix.py, with the way of signing before it; "*" stands for each.
DIFFERENCES = """
*       bind         signed RRSIG      additional+                        referral-addresses
*       bind-spare   signed RRSIG      additional+                        referral-addresses
nsec    bind         sub NSEC          aa answer- authority± additional±  nsec-at-cut
nsec    bind-spare   sub NSEC          aa answer- authority+ additional+  nsec-at-cut
nsec    bind         signed NSEC       aa answer- authority±              nsec-at-cut
nsec    bind-spare   signed NSEC       aa answer- authority+ additional+  nsec-at-cut
nsec3   bind         signed NSEC       additional+                        referral-addresses
nsec3   bind-spare   signed NSEC       additional+                        referral-addresses
opt-out bind         signed NSEC       additional+                        referral-addresses
opt-out bind-spare   signed NSEC       additional+                        referral-addresses
nsec    bind         child NSEC        additional+                        other-zone
nsec    nsd          child NSEC        additional+                        other-zone
nsec3   bind         child NSEC3PARAM  additional+                        other-zone
nsec3   nsd          child NSEC3PARAM  additional+                        other-zone
opt-out bind         child NSEC3PARAM  additional+                        other-zone
opt-out nsd          child NSEC3PARAM  additional+                        other-zone
nsec    bind         x.went A          authority+                         wildcard-ent
nsec    bind-spare   x.went A          authority+                         wildcard-ent
nsec    nsd          alias ANY         answer+ authority+                 any
nsec    nsd          nothing.d A       authority+                         last-name
nsec    nsd          x.dwild A         authority±                         last-name
nsec3   nsd          *.wild NSEC       authority-                         asterisk
nsec3   nsd          *.went A          authority-                         asterisk
opt-out nsd          *.wild NSEC       authority-                         asterisk
opt-out nsd          *.went A          authority-                         asterisk
nsec3   nsd          x.{HASH} A        authority±                         hash-no-encloser
opt-out nsd          x.{HASH} A        authority±                         hash-no-encloser
opt-out nsd          nothing.under.cut A    authority±                    provable-encloser
opt-out nsd          x.nothing.under.cut A  authority±                    provable-encloser
"""

REASONS = {
    **answer_matrix.REASONS,
    "nsec-at-cut": "RFC 1034 section 4.3.2 step 3b: at a cut the answer is a referral, and "
    "RFC 4035 section 3.1.4.1 excepts only DS, which the child's side never has. BIND answers "
    "with the parent's NSEC, NSD and we refer.",
    "wildcard-ent": "RFC 4035 section 3.1.3.4 wants the NSEC that shows that the wildcard has not "
    "the type, too, be it in the gap that an empty non-terminal is in. BIND leaves it out.",
    "last-name": "RFC 4035 section 3.1.3.2 denies SNAME, which behind a DNAME is the new name "
    "(RFC 6672 section 3.2). This NSD denies the name that was asked, or not the wildcard.",
    "asterisk": "RFC 5155 section 7.2.3: NODATA takes the NSEC3 that matches QNAME. NSD sends the "
    "proof for a wildcard answer with it when QNAME is the wildcard itself.",
    "hash-no-encloser": "RFC 5155 section 7.2.8: the owner of NSEC3 is not there, so the closest "
    "encloser of a name below it is the apex. NSD proves one label less.",
    "provable-encloser": "RFC 5155 section 7.2.1: the closest encloser proof is about the closest "
    "provable encloser, whose NSEC3 is sent. NSD leaves it out above an opt-out gap.",
}


def questions(way: str) -> list[tuple[str, str]]:
    """Full name and type of each question for zones signed in this way."""
    lines = QUESTIONS.strip().splitlines()
    if way in PARAMETERS:
        lines += HASHED_QUESTIONS.strip().splitlines()
    more = [line.split()[:2] for line in lines]
    return [*answer_matrix.questions(), *((_full(name, way), rrtype) for name, rrtype in more)]


def differences(way: str) -> dict[tuple[str, str, str], tuple[list[str], str]]:
    """Peer, full name and type to the fields that differ, and the key of the reason."""
    table = answer_matrix.differences()
    for line in DIFFERENCES.strip().splitlines():
        where, peer, name, rrtype, *fields, reason = line.split()
        if where in ("*", way):
            table[peer, _full(name, way), rrtype] = (fields, reason)
    return table


def _full(name: str, way: str) -> str:
    if "{HASH}" in name:
        name = name.replace("{HASH}", hashed("www.tricky.test.", way))
    return answer_matrix.full(name)
