"""English verb forms from a word list: enough to tell a finite verb from a noun, and to turn "was founded" around."""

from __future__ import annotations

from typing import Literal, TypeAlias

from dataforge.teachers.extractive import lexicon

Form: TypeAlias = Literal["base", "third", "past", "participle", "gerund"]

_REGULAR = """
    absorb accelerate accept access accommodate accompany accrue accumulate achieve acknowledge acquire act activate
    adapt add address adjust administer adopt advise advocate affect agree aid aim alert align allege allocate allow
    alter amend amount analyse analyze anchor announce answer appeal appear append apply appoint approach approve
    archive arrange arrive ask assemble assert assess assign assist assume attach attack attain attend attract
    attribute audit authorise authorize automate avoid award back balance ban base beep behave belong berth blend
    blink board book borrow bounce brief browse calculate calibrate call campaign cancel capture care carry cater
    cause cease certify challenge change charge charter check circulate cite claim clarify classify clean clear click
    climb close coat coincide collaborate collapse collect collide colonise combine commence comment commission commit
    communicate compare compel compensate compete compile complain complete comply compose compress comprise compute
    conceive conclude condemn conduct confer configure confine confirm conform connect conquer conserve consider
    consist consolidate constitute construct consult consume contact contain continue contract contribute control
    convert convey convince cook cool cooperate coordinate copy correct count cover crash create crew cross cultivate
    damage damp debut decay decide declare decline decrease dedicate deduct defeat defend defer define deflate delay
    delegate delete deliver demand demonstrate denote deny depart depend depict deploy deposit derive descend describe
    design designate detail detain detect deteriorate determine develop deviate devise devote diagnose dictate differ
    differentiate digest diminish dine direct disable disagree disappear discharge disclose discontinue discover
    discuss dismiss dispatch display dispose dispute disrupt dissolve distinguish distribute divide dock document
    dominate donate double drain drench dress drill drip earmark earn edit educate eject elapse elect eliminate email
    embed embody embrace emerge emit employ empower enable enact enclose encode encompass encourage encrypt end
    endanger endorse enforce engage enhance enjoy enrich enroll ensure enter entitle equate equip erode escalate
    escort establish estimate evacuate evade evaluate evaporate evolve exceed excel exchange exclude excrete execute
    exempt exert exhibit exist exit expand expect expel expire explain exploit explore export expose express extend
    extract facilitate fail fasten fear feature ferry file fill filter finance fine finish fix flash flood flourish
    flow fluctuate focus fold follow form formulate forward found fuel fulfil function fund gain gather gauge generate
    glow govern graduate grant grease greet group guarantee guard guess guide halt hand handle happen harm harvest
    head heat help highlight hinder hire host house hunt identify ignite ignore illuminate illustrate impact impair
    implement imply import impose imprison improve incline include incorporate increase incur indicate induce infect
    inflate influence inform inhabit inherit inhibit initiate inject inspect inspire install instruct insulate insure
    integrate intend interact interpret interrupt intervene introduce invade invent invest investigate invite invoice
    invoke involve isolate issue join judge justify knock label lack land lash last launch leak learn lease lecture
    level liberate license lift like limit link list live load lobby locate lock lodge log look lower magnify maintain
    manage mandate manufacture mark market mask match maximise measure mediate melt mention merge migrate mine
    minimise minimize monitor moor motivate mount move multiply murder muster name navigate need neglect negotiate
    nominate note notify number obey observe obstruct obtain occupy occur offer oil omit open operate oppose orbit
    order organise organize originate outline outnumber outperform overlap overlook overthrow owe own oxidise pack
    paint park participate pass patent pause peak penetrate perform permit persist persuade pertain pilot pin pioneer
    place plan plant play plot point pollute populate pose possess post postpone pour power practise praise preach
    precede precipitate predict prefer prepare prescribe present preserve preside press prevail prevent print
    prioritise process proclaim procure produce profit prohibit project prolong promise promote prompt propose
    prosecute protect prove provide publish pull pump purchase pursue push qualify quantify question queue quote raise
    rally rank rate ratify ration reach react realise reassign receive recite reckon recognise recognize recommend
    reconcile record recover recruit rectify recycle redesign reduce refer reference refill refine refit reflect
    reform refuel refund refuse regain regard register regulate reign reimburse reinforce reinstate reject relate
    release relieve relocate rely remain remark remind remove rename render renew rent repair repeat repel replace
    reply report represent request require rescind rescue research resemble reserve reside resign resist resolve
    respect respire respond rest restart restore restrict restructure result resume retain retaliate retire retrain
    retreat retrieve return reveal reverse review revise revolt revolutionise revolutionize reward rinse risk rival
    rotate route ruin rule rupture sail sample sanction satisfy save scan schedule score screen scroll seal search
    secrete secure seize select separate serve settle shape share shelter shift ship show sign signal simplify
    simulate situate skip solve sort sound span specialise specialize specify sponsor spot spray spur stabilise stack
    staff stage stamp start state stay steer stem stimulate stipulate stock stop store stow strengthen stretch
    structure struggle study subdivide submerge submit subscribe substitute succeed succumb suffer suggest summarise
    summon supervise supplant supplement supply support suppress surpass surrender surround survey survive suspend
    sustain swallow swap swipe switch symbolise symbolize synchronise tap target tempt tend terminate test threaten
    tick tidy tie tighten tolerate top total touch tow trace track trade train transact transcribe transfer transform
    transition translate transmit transplant transport travel treat trigger trim trust tune turn type undermine unify
    unite unload unlock unpin update upgrade upload urge use utilise vacate validate value vary ventilate verify
    vibrate view violate visit vote wait walk want warn wash watch weigh welcome wheel widen wire wish witness work
    wrap yield zone
"""
_IRREGULAR = """
    arise arose arisen/be was been/bear bore borne/beat beat beaten/become became become/begin began begun/
    bend bent bent/bind bound bound/blow blew blown/break broke broken/bring brought brought/build built built/
    burn burned burned/buy bought bought/catch caught caught/choose chose chosen/come came come/cost cost cost/
    cut cut cut/deal dealt dealt/do did done/draw drew drawn/drink drank drunk/drive drove driven/eat ate eaten/
    fall fell fallen/feed fed fed/feel felt felt/fight fought fought/find found found/fly flew flown/
    forbid forbade forbidden/forget forgot forgotten/
    freeze froze frozen/get got got/give gave given/go went gone/grow grew grown/
    hang hung hung/have had had/hear heard heard/hide hid hidden/hit hit hit/hold held held/keep kept kept/
    know knew known/lay laid laid/lead led led/leave left left/lend lent lent/let let let/lie lay lain/light lit lit/
    lose lost lost/make made made/mean meant meant/meet met met/overcome overcame overcome/oversee oversaw overseen/
    pay paid paid/put put put/read read read/rebuild rebuilt rebuilt/ride rode ridden/ring rang rung/rise rose risen/
    run ran run/say said said/see saw seen/sell sold sold/send sent sent/set set set/shake shook shaken/
    shine shone shone/shut shut shut/sing sang sung/sink sank sunk/sit sat sat/sleep slept slept/speak spoke spoken/
    spend spent spent/spread spread spread/stand stood stood/steal stole stolen/stick stuck stuck/strike struck struck/
    sweep swept swept/swim swam swum/take took taken/teach taught taught/tell told told/think thought thought/
    throw threw thrown/undergo underwent undergone/understand understood understood/undertake undertook undertaken/
    uphold upheld upheld/wake woke woken/wear wore worn/win won won/wind wound wound/withdraw withdrew withdrawn/
    withhold withheld withheld/write wrote written/override overrode overridden/split split split/
    forecast forecast forecast/broadcast broadcast broadcast/quit quit quit/reset reset reset/offset offset offset/
    bleed bled bled/breed bred bred/dig dug dug/fit fitted fitted/flee fled fled/seek sought sought/shoot shot shot/
    shed shed shed/shrink shrank shrunk/spin spun spun/spring sprang sprung/swear swore sworn/tear tore torn
"""
_DOUBLED_WORDS = """
    swap stop plan ban pin log ship stem trim clip wrap step drop fit tap top rub submit commit permit admit omit refer
    prefer defer confer incur occur transfer compel expel repel control patrol equip embed span abet begin run set
    get put cut win hit let sit swim dig forget shut split quit reset offset spin fulfil excel
"""
_DOUBLED = frozenset([*_DOUBLED_WORDS.split(), *lexicon.DOUBLED.split()])


def _regular(base: str) -> tuple[str, str]:
    """(past, gerund)."""
    if base in _DOUBLED:
        return base + base[-1] + "ed", base + base[-1] + "ing"
    if base.endswith("c") and base in ("mimic", "traffic"):
        return base + "ked", base + "king"
    if base.endswith("ie"):
        return base + "d", base[:-2] + "ying"
    if base.endswith("ee"):
        return base + "d", base + "ing"
    if base.endswith("e"):
        return base + "d", base[:-1] + "ing"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied", base + "ing"
    return base + "ed", base + "ing"


def third_person(base: str) -> str:
    if base in ("be", "have"):
        return {"be": "is", "have": "has"}[base]
    if base.endswith(("s", "x", "z", "ch", "sh", "o")):
        return base + "es"
    return base[:-1] + "ies" if base.endswith("y") and base[-2] not in "aeiou" else base + "s"


def _forms() -> dict[str, dict[Form, str]]:
    """Inflected form -> which forms it can be, each with its base."""
    found: dict[str, dict[Form, str]] = {}

    def note(word: str, form: Form, base: str) -> None:
        found.setdefault(word, {}).setdefault(form, base)

    irregular = {}
    for entry in [*_IRREGULAR.split("/"), *lexicon.IRREGULAR.split("/")]:
        base, past, participle = entry.split()
        irregular[base] = (past, participle)
    for base in dict.fromkeys([*irregular, *_REGULAR.split(), *lexicon.REGULAR.split()]):
        past, gerund = _regular(base)
        past, participle = irregular.get(base, (past, past))
        note(base, "base", base)
        note(third_person(base), "third", base)
        note(past, "past", base)
        note(participle, "participle", base)
        note(gerund, "gerund", base)
    for doubled in ("travel", "cancel"):
        note(doubled + "led", "past", doubled)
        note(doubled + "led", "participle", doubled)
        note(doubled + "ling", "gerund", doubled)
    return found


FORMS = _forms()
_PASTS = {forms["past"]: word for word, forms in reversed(FORMS.items()) if "past" in forms}


def base_of(word: str, form: Form) -> str | None:
    """`founded`, "past" -> found; None when the word is not known in that form."""
    return FORMS.get(word.casefold(), {}).get(form)


def past_of(base: str) -> str:
    return _PASTS.get(base) or _regular(base)[0]
