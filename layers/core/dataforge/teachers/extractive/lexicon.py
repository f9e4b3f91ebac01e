"""More English verbs, regular ones first, for `verbs`. Left out on purpose: those that are mostly nouns in prose."""

from __future__ import annotations

REGULAR = """
    range peak await span
    abandon abate abbreviate abduct abhor abide abolish abound abridge abscond abstain abuse accelerate accentuate
    acclaim accomplish accord accredit accuse accustom ache acidify acquaint acquit adhere adjoin adjourn adjudicate
    admire admit admonish adore adorn advance advertise aerate affiliate affirm afflict afford aggravate aggregate
    agitate ail alkalise allay alleviate allude alternate amalgamate amass amaze ambush amplify amputate amuse
    analyse animate annex annihilate annotate annoy anoint anticipate apologise apologize appease append applaud
    appraise appreciate apprehend arbitrate argue arouse arrest articulate ascend ascertain ascribe aspire
    assassinate assault assimilate associate assort assuage astonish astound atone attempt attest attribute attune
    augment autoconfigure avail avenge avert avow await awaken backfire bake balloon bankrupt baptise baptize bar
    bargain bark barter bask batter befriend beg beguile bellow benchmark benefit besiege bestow betray bicker
    billow biodegrade bisect blame blast bleach bless blossom blur boast boil bolster bombard boost bootstrap
    boycott brag breach breathe brew bribe bridge brighten broadcast broaden bundle burgeon burrow bypass calcify
    calm camouflage capitalise capitalize capsize captivate carbonate caress carve cascade catalyse catalyze
    catapult categorise categorize celebrate cement censor centralise centralize characterise characterize chase
    chat cherish chew chill chlorinate chop choreograph chronicle circumvent civilise clamp clash cleanse cling
    clone co-found co-write coalesce codify coerce coexist cohere coin collapse collate collocate combat comfort
    commemorate commend commute compact compartmentalise compile complement complicate comprehend conceal concede
    concentrate conceptualise conceptualize concern concur condense condone configure confirm confiscate conflict
    conform confound confront confuse congratulate congregate conjugate connote conquer consecrate consent conspire
    constrain constrict contaminate contemplate contend contest contradict contrast contravene contrive convene
    converge converse convict cope coproduce coronate corrode corrupt counter counteract crawl creep cripple
    criticise criticize crumble crush crystallise crystallize culminate cure curtail curve customise customize
    dabble dangle dare darken dazzle deactivate deallocate debate debug debunk debut decant deceive decelerate
    decentralise decipher decode decolonise decompose decorate decouple decree decrypt deduplicate deem deepen
    defect deform defraud defy degenerate degrade dehydrate delight delimit delineate demagnetize demarcate
    democratise democratize demolish demote denounce dent depose deprecate depress deprive deputise deregulate
    descale deserialize desert deserve desire despatch despise destabilise destroy detach detain deter detest
    detonate devalue devastate devolve devour dictate die diffract diffuse digitise digitize dilute dim dimension
    dine dip disarm disassemble disband discard discern discipline disconnect discourage discredit discriminate
    disengage disentangle disguise disgust dislike dislodge dismantle disobey disperse displace displease disprove
    disqualify disregard disseminate dissent dissipate dissuade distil distill distort distract disturb diverge
    diversify divert divest divorce domesticate dominate doubt downgrade download downplay drag drape dread dream
    dredge drift drive drown dry dub dump duplicate dwarf dwell dwindle ease eclipse elaborate elevate elicit
    elongate elucidate elude emanate emancipate embark embarrass embellish embezzle emigrate empathise emphasise
    emphasize empty emulate encapsulate encircle encounter encroach endow endure energise enforce engrave engulf
    enhance enlarge enlighten enlist enliven enrage enrol enslave ensnare ensue entail entangle entertain enthrone
    enthuse entice entrench entrust enumerate envelop envisage envision epitomise equal equalise eradicate erase
    erupt essentialise estrange evangelise evict evoke exacerbate exaggerate excavate excite exclaim excuse
    exemplify exhale exhaust exile exist exonerate expedite experience experiment expire explode exploit expound
    expropriate exterminate extinguish extort extrapolate fabricate facilitate fade falsify falter famish fascinate
    favor favour ferment fertilise fertilize fetch fiddle finalise finalize fine-tune finetune flank flap flare
    flatten flatter flaunt flavour flex flip flirt float flop flout fluoresce foil follow foment forage foreclose
    foresee forge formalise formalize fortify fossilise fossilize foster fracture freeze-dry fret frighten frown
    frustrate fry fulfill fumble furnish fuse galvanise galvanize gamble garnish generalise generalize germinate
    gesture glaze glimpse glorify govern grab grapple grasp graze grill grip groom group growl grumble guess
    hallucinate hamper handicap harass harbor harbour harden harmonise harmonize harness hasten hatch hate haul
    haunt heal hesitate hibernate hijack hint hoist hole-punch hone honor honour hop hope hover hum humiliate hurry
    hybridise hydrate hydrolyse hydrolyze hypothesise hypothesize idealise identify idle imagine imitate immerse
    immigrate immunise impeach impede imperil impersonate implant implicate impoverish impregnate impress imprint
    improvise incapacitate incinerate incite incubate inculcate indoctrinate indulge industrialise industrialize
    infer infest infiltrate inflict infringe infuriate infuse ingest inhale initialise initialize innovate inquire
    inscribe insert insist inspect instigate instill institute institutionalise insult intensify interact intercept
    interconnect interface interfere interlock intermarry intermix internalise interrelate interrogate intersect
    intertwine interview intimidate intrigue intrude inundate invalidate invert invigorate invoke ionise ionize
    irrigate irritate itch jam jeopardise jeopardize jog jostle juggle jump juxtapose kick kidnap kill kiss label
    labor labour lag lament landscape languish laugh launder lean legalise legalize legislate legitimise legitimize
    lengthen lessen leverage levitate liaise liken limp linearise linger liquefy liquidate litigate litter localise
    localize log loom loop loosen loot lubricate luminesce lure lurk magnetise magnetize manifest manipulate march
    marginalise marginalize marry marvel massacre materialise materialize mature maximize mechanise memorise
    memorize mention metabolise metabolize methylate militarise mimic mingle minister mirror misbehave misinterpret
    mislead misplace misuse mitigate mix mobilise mobilize mock moderate modernise modernize modify modulate moisten
    mold molest monetise monopolise mould moult mourn mutate mutter nationalise nationalize naturalise necessitate
    nest nestle neutralise neutralize nod normalise normalize nourish nucleate nullify nurture obfuscate objectify
    oblige obliterate obsess obsolete occasion offend offload ooze opt optimise optimize orbit oscillate ostracise
    oust outgrow outlast outlaw outlive outrage outrank outscore outsell outsource outweigh overcharge overestimate
    overfit overflow overhaul overhear overload overpower overrule overrun oversimplify overstep overwhelm oxidize
    pacify package paginate paralyse paralyze paraphrase pardon parse partition pass paste pasteurise patrol
    patronise pave peck pedal peel penalise penalize perceive perforate perish permeate perpetrate perpetuate
    perplex persecute persevere personalise personalize personify perspire pertain perturb pervade petition
    philosophise phosphorylate photograph photosynthesise photosynthesize pioneer placate plague plead please pledge
    plough plow pluck plug plunder plunge poison polarise polarize polish pollinate polymerise popularise popularize
    populate portray posit postulate pound pre-train preauthorise precess preclude predate predetermine predispose
    predominate preempt preen prefetch preheat prejudice premiere preoccupy prepend preprocess preregister presume
    presuppose pretend pretrain privatise privatize probe profess proliferate prompt pronounce propagate propel
    prophesy prosper protest protrude provoke pulsate pump punch punctuate puncture punish purge purify purport
    puzzle quarantine quarrel quell query quicken radiate raid ramp randomise ransom rape rasterise rasterize ratify
    rationalise rattle ravage reach readjust reaffirm realign realize reap reappear rearrange reason reassemble
    reassert reassess reassure rebel reboot rebound rebrand rebuff rebuke recall recede reciprocate reclaim recline
    recoil recollect recombine recompense reconfigure reconnect reconsider reconstruct recount recoup recreate recur
    redeem redefine redirect rediscover redistribute reel reelect reestablish reexamine refactor reflect refocus
    refract refrain refresh refute regenerate regress regret regroup regularise regularize rehearse reign reinstall
    reissue reiterate rejoice rejoin rejuvenate relaunch relax relay release relinquish relish remaster remember
    reminisce remodel remunerate render renounce renovate reopen reorder reorganise reorganize replenish replicate
    repress reprint reprise reprocess reproduce repudiate repulse resent reshape resonate respawn restate resurface
    resurrect retard rethink retort retract retrofit retry reunite reuse revamp reverberate revere revert revisit
    revive revoke ridicule roam roar roast rob roll rollback romanticise rot rush sabotage sacrifice sag salvage
    sanitise saturate scan scare scatter scoop scorch scour scrape scratch scream scrub scrutinise scrutinize sculpt
    scuttle secede seduce seem segment segregate sense serialise serve settle sever shatter shave shed shield shiver
    shock shorten shout shove showcase shred shrug shuffle sideline sideload signify silence simmer simplify siphon
    sketch skim slam slash slaughter slip slow smash smear smell smile smoke smooth smuggle snap snatch soak soar
    socialise soften solicit solidify soothe span spark spearhead specialise spill spin splash spoil sponsor spool
    sprawl sprout spur squander squash squat squeeze squirt stab stabilize stagger stagnate stain stall standardise
    standardize staple starve steep sterilise sterilize stifle stipulate stir storm straddle straighten strain strap
    stray streamline stress strip strive stroll stumble subdue subjugate sublimate subordinate subsidise subsidize
    subsist subsume subtract subvert sue suffice suffocate suit summarize superheat superimpose superintend
    supersede supervise supplement suppose surf surge surmount surprise suspect swarm sway swell swerve swirl
    symbolize sympathise syndicate synthesise synthesize systematise tackle tailor taint tally tame tamper tangle
    taste tax tear tease telephone teleport televise temper terrify terrorise testify thank theorise theorize
    thicken thin thrill thrive throng throttle thrust thwart tilt timestamp tint tire toggle toil tokenise tokenize
    toss tour tout tow traffic trail trample transcend transcribe transgress transpire transpose trap traverse tread
    tremble trespass trickle trigger triple triumph trouble truncate tumble twist typify unblock uncheck uncover
    undercut underestimate underlie underline underpin underscore undersell undershoot underwrite undo unfold
    uninstall unleash unmount unpack unravel unveil upend uphold uproot upset urbanise urge usher usurp utilize
    utter vaccinate vanish vaporise vaporize vectorise vectorize veer venture verify veto victimise vie vilify
    violate visualise visualize vomit vouch wage waive wander wane warp warrant waste waver weaken weather weave wed
    weld whip whisper whistle whitelist widen wield wither withstand witness wonder worry worsen worship wound wreak
    wreck wrestle yearn zoom
"""
IRREGULAR = """
    awake awoke awoken/befall befell befallen/bet bet bet/bid bid bid/bite bit bitten/cling clung clung/creep
    crept crept/dwell dwelt dwelt/fling flung flung/foresee foresaw foreseen/forgive forgave forgiven/forsake
    forsook forsaken/grind ground ground/kneel knelt knelt/leap leapt leapt/mislead misled misled/mistake
    mistook mistaken/outgrow outgrew outgrown/overrun overran overrun/overthrow overthrew overthrown/partake
    partook partaken/redo redid redone/remake remade remade/repay repaid repaid/rethink rethought rethought/
    retell retold retold/rewrite rewrote rewritten/show showed shown/sew sewed sewn/slide slid slid/sling slung
    slung/slit slit slit/sow sowed sown/stride strode stridden/string strung strung/strive strove striven/
    swing swung swung/thrust thrust thrust/undo undid undone/weave wove woven/weep wept wept/withstand
    withstood withstood/underlie underlay underlain/prove proved proven/swell swelled swollen/cast cast cast/
    burst burst burst/hurt hurt hurt/rid rid rid/beset beset beset/upset upset upset/undercut undercut
    undercut/outrun outran outrun/outsell outsold outsold/inset inset inset/input input input/output output
    output/bind bound bound/oversee oversaw overseen/stink stank stunk/tread trod trodden/unwind unwound
    unwound
"""
DOUBLED = """
    abhor acquit admit allot annul aver bar beg blur brag cap chat chop clap clog concur cram crop crossbar dim dip
    disbar distil drag drip drum dub emit excel fan flap flip flop grab grin grip hop hug hum infer instil jam jog
    knit lag mop nod occur outwit overlap pat patrol plod plot plug pop prod program quiz rebel recur regret remit
    repel rid rip rob rot sag scan scar scrub shrug sip skim skip slam slap slip slit snag snap snip sob span spot
    spur stab star stir strap strip strut stun tag tan tar thin throb tip top transmit trap trek trot tug unplug
    unzip wed whip zip
"""
