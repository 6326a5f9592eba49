"""The questions of the answer matrix, and where servers may differ.

One line a question: name and type. Names are relative to tricky.test. unless they end in a dot.
"""

QUESTIONS = """
@ SOA                 the apex
@ NS
@ MX                  additional data from here, another zone, a wildcard; none from below a cut
@ TXT
@ A                   NODATA at the apex
@ ANY
@ DS                  no parent of ours: NODATA from the zone itself
@ CNAME
www A                 plain data
www AAAA
www MX                NODATA
www DS                NODATA: no cut here
www NSEC
www RRSIG
WwW.TrIcKy.TeSt. A    the case of the question
mixed.case A          the case of the file
case A                empty non-terminal made by mixed.case
short A               TTL below the SOA's
zero A
big TXT
unknown TYPE65280
unknown TYPE65281
nothing A             NXDOMAIN
nothing.at.all A
a.www A               below a name with data
ent A                 empty non-terminals are NODATA (RFC 8020)
b.ent A
b.ent ANY
leaf.b.ent A
gone.b.ent A
x.leaf.b.ent A
wild.ent A
deep.wild.ent A
x.deep.wild.ent A
x.wild.ent A          the wildcard is one label further down
x.wild A              wildcards (RFC 4592)
X.WiLd.tricky.test. A
x.wild TXT
x.wild AAAA           wildcard NODATA
x.wild MX
x.wild ANY
x.y.wild A
*.wild A              asked by its own name
x.*.wild A            an asterisk in the middle is an ordinary label
sub.*.wild A
sub.*.wild AAAA
a.sub.*.wild A
there.wild A          the name exists: no wildcard
there.wild TXT
x.there.wild A        the closest encloser is there.wild
ent.wild A
below.ent.wild A
x.ent.wild A          an empty non-terminal blocks the wildcard
wild A                the wildcard's parent
x.wcname A            wildcard CNAME
x.wcname CNAME
x.wcname TXT
*.wcname A
x.wcchain A           wildcard CNAME to a wildcard CNAME
x.wcout A
x.wcloop A
x.wcdown A
x.wsrv SRV
x.went A              a wildcard without records: NODATA
leaf.*.went A
x.leaf.*.went A
alias A               CNAME
alias AAAA
alias MX              CNAME, then NODATA
alias CNAME
alias ANY
alias DS
chain1 A
chain2 TXT
loop1 A
self A
self CNAME
dangling A            CNAME, then NXDOMAIN (RFC 6604)
tosub A               CNAME, then referral
tocut NS
tochild A             CNAME into a child zone that is ours
tochildgone A
toelse A              CNAME into another zone of ours
toout A               CNAME out of our zones
towild A
towild AAAA
toent A
tod A                 CNAME, then DNAME
aliascase A
x.alias A             below a CNAME: NXDOMAIN
d A                   data at the owner of a DNAME is not redirected (RFC 6672)
d DNAME
d TXT
d ANY
a.d A                 DNAME
A.D.tricky.test. A
a.d DNAME
a.d CNAME
a.d ANY
a.d MX
b.d A                 DNAME to an empty non-terminal
c.d A                 DNAME, then CNAME
nothing.d A           DNAME, then NXDOMAIN
sub.b.d A
a.dd A                DNAME to a DNAME
x.dout A
www.delse A           DNAME into another zone of ours
x.dwild A             DNAME to a wildcard
host.dcut A           DNAME to below a cut
www.dchild A          DNAME into a child zone that is ours
x.dself A
{TOO_LONG} A       YXDOMAIN (RFC 6672 section 2.2)
x.long A              and when it is not too long
sub A                 referrals
sub NS
sub TXT
sub ANY
sub DS                the parent's side of a cut
sub SOA
host.sub A            below the cut: occluded
ns.sub A              glue is not an answer
ns2.sub AAAA
x.y.sub A
host.sub DS
sibling A
x.sibling A
inzone A
outside A
signed A
signed DS
x.signed A
under.cut A           an empty non-terminal above a cut
far.under.cut A
x.far.under.cut A
child A               our own child zone
child NS
child SOA
child DS              its DS is ours as the parent's
child TXT
www.child A
up.child A            an alias up into the parent
gone.child A
deeper.child A
x.deeper.child A
_sip._tcp SRV         additional data
_tcp A
_out._tcp SRV
_none._tcp SRV
svc SVCB
svcalias SVCB
https HTTPS
kx KX
naptr NAPTR
caa CAA
ptr PTR
many A
many HINFO
many ANY
www.elsewhere.test. A
back.elsewhere.test. AAAA
mail.elsewhere.test. TXT
"""


# The DNAME at "long" makes this one longer than 255 octets.
TOO_LONG = "a" * 49 + "." + "b" * 49 + ".long"

# Where a peer differs, on purpose: peer, name, type; the fields that differ; the reason.
# "field+" means that we say all that the peer says, and more; "field-" the other way round.
# "bind" is BIND with `minimal-responses no`, "bind-spare" with `no-auth`; see peer_servers.py.
DIFFERENCES = """
bind         @ MX              additional+                       other-zone
bind-spare   @ MX              additional+                       other-zone
nsd          @ MX              additional+                       other-zone
bind         tochild A         answer+ authority+ additional+    other-zone
bind-spare   tochild A         answer+                           other-zone
nsd          tochild A         additional+                       other-zone
bind         tochildgone A     rcode authority+                  other-zone
bind-spare   tochildgone A     rcode authority+                  other-zone
bind         toelse A          answer+ authority+ additional+    other-zone
bind-spare   toelse A          answer+                           other-zone
bind         www.delse A       answer+ authority+ additional+    other-zone
bind-spare   www.delse A       answer+                           other-zone
bind         www.dchild A      answer+ authority+ additional+    other-zone
bind-spare   www.dchild A      answer+                           other-zone
nsd          www.dchild A      additional+                       other-zone
bind         up.child A        answer+ authority+ additional+    other-zone
bind-spare   up.child A        answer+                           other-zone
bind         back.elsewhere.test. AAAA  answer+ authority+ additional+  other-zone
bind-spare   back.elsewhere.test. AAAA  answer+                  other-zone
bind         child A           additional+                       other-zone
nsd          child A           additional+                       other-zone
bind         child NS          additional+                       other-zone
bind-spare   child NS          additional+                       other-zone
nsd          child NS          additional+                       other-zone
bind         child SOA         additional+                       other-zone
nsd          child SOA         additional+                       other-zone
bind         www.child A       additional+                       other-zone
nsd          www.child A       additional+                       other-zone
bind         _out._tcp SRV     additional+                       other-zone
bind-spare   _out._tcp SRV     additional+                       other-zone
nsd          _out._tcp SRV     additional+                       other-zone
bind         inzone A          additional+                       referral-addresses
bind-spare   inzone A          additional+                       referral-addresses
bind         signed A          additional+                       referral-addresses
bind-spare   signed A          additional+                       referral-addresses
bind         x.signed A        additional+                       referral-addresses
bind-spare   x.signed A        additional+                       referral-addresses
nsd          x.wcloop A        rcode                             loop
nsd          loop1 A           rcode                             loop
nsd          self A            rcode                             loop
nsd          @ ANY             answer+                           any
nsd          x.wild ANY        answer+ authority+                any
nsd          alias ANY         authority+                        any
nsd          d ANY             answer+ authority+                any
nsd          many ANY          answer+ authority+                any
nsd          a.d ANY           answer- authority+                made-cname
nsd          a.d CNAME         authority+ additional+            made-cname
nsd          svc SVCB          additional+                       newer-types
nsd          svcalias SVCB     additional+                       newer-types
nsd          https HTTPS       additional+                       newer-types
nsd          naptr NAPTR       additional+                       newer-types
"""

REASONS = {
    "other-zone": "RFC 1034 section 4.3.2: an alias goes back to step 1, where another zone of the "
    "same server may be nearest, and step 6 adds 'useful' data from any local source. BIND stays "
    "in the first zone for clients that may not recurse; NSD follows aliases but adds nothing.",
    "referral-addresses": "RFC 1034 section 4.3.2 step 3b: 'put whatever addresses are available "
    "into the additional section'. BIND leaves out those that are authoritative in the parent; "
    "only glue below the cut is required (RFC 9471 section 3.1).",
    "loop": "RFC 1034 section 3.6.2: CNAME loops are 'signalled as an error'. BIND does, NSD sends "
    "the loop with NOERROR.",
    "any": "RFC 8482 section 4.1: any subset of the RRsets may answer ANY. NSD sends one; ours is "
    "asked in full here.",
    "made-cname": "RFC 6672 section 3.2 goes on after the CNAME that it made; it answers CNAME and "
    "ANY by itself, so BIND and we stop there and NSD goes on or adds nothing.",
    "newer-types": "RFC 9460 section 4.1 and RFC 3403 section 4.2 recommend addresses as "
    "additional data; this NSD adds none for these types.",
}


def differences() -> dict[tuple[str, str, str], tuple[list[str], str]]:
    """Peer, full name and type to the fields that differ, and the key of the reason."""
    table = {}
    for line in DIFFERENCES.strip().splitlines():
        peer, name, rrtype, *fields, reason = line.split()
        table[peer, full(name), rrtype] = (fields, reason)
    return table


def questions() -> list[tuple[str, str]]:
    """Full name with its final dot, and type."""
    lines = QUESTIONS.strip().splitlines()
    return [(full(name), rrtype) for name, rrtype in (line.split()[:2] for line in lines)]


def full(name: str) -> str:
    """A name of the table with its final dot."""
    if name == "@":
        return "tricky.test."
    name = name.replace("{TOO_LONG}", TOO_LONG)
    return name if name.endswith(".") else f"{name}.tricky.test."
