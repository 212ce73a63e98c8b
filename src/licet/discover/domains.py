"""Whether a DNS name is one that the public DNS may hold: by its last label alone, since no list of zones is read."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COUNTRIES = _words("""
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc
cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga
gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp
ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms
mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro
rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt
tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw
""")
_GENERIC = _words("""
aero agency ai app arpa asia bank biz blog business capital care cat center chat click cloud club codes com
community company computer consulting coop data delivery dev digital directory earth edu email energy
engineering enterprises example exchange expert finance fm foundation fun fund games global gmbh gov group
health help host hosting info int international jobs land law life live ltd market marketing media mil mobi
money museum name net network news ninja one online ooo org page partners photos place plus post press pro
rocks run sale school science security services shop site social software solutions space store studio support
systems tech technology tel test today tools top travel tube university ventures video vip wiki win work works
world xyz zone
""")
_PRIVATE = frozenset({"internal", "corp", "lan", "intranet", "private", "home", "local", "intra"})


def looks_public(name: str) -> bool:
    """Whether the name ends as public names do; `example` and `test` count, which documents use for them."""
    last = name.rpartition(".")[2]
    return "." in name and (last in _COUNTRIES or last in _GENERIC)


def looks_private(name: str) -> bool:
    """Whether the name ends as companies' own names do."""
    return "." in name and name.rpartition(".")[2] in _PRIVATE
