"""English: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "passage|text|excerpt|paragraph|snippet|extract"
_DOCUMENT = (
    "documents?|article|section|chapter|context|author|source|table|material|information|transcript|page|description|"
    "clause|leaflet|notice|list|figure|chart|content"
)
_GIVEN = "above|below|given|provided|preceding|previous|original|supplied|attached|quoted|(?:given|provided) above"
_SAYS = (
    "says?|states?|stated|mentions?|mentioned|describes?|suggests?|explains?|discuss(?:es)?|tells? us|indicates?|"
    "specif(?:y|ies)|claims?|argues?|concludes?|goes on|reads|does(?: not|n't) (?:say|state|mention|specify|contain|"
    "describe|give|provide)"
)
_SAID = (
    "mentioned|described|stated|discussed|listed|given|shown|outlined|provided|specified|presented|noted|quoted|cited|"
    "explained|said|seen|defined"
)
_OF = (
    "of|for|on|about the|by|to|from|in the (?:form|sense|shape)|at|controls?|messages?|fields?|box(?:es)?|size|editors?|"
    "files?|counter|number|management|names?|types?|procedures?|polic(?:y|ies)|tomb|rights?|above the"
)
_POLITE = "be (?:very |more than )?(?:happy|glad|pleased|delighted|sure)"

PHRASES = Phrases(
    refers=references(
        r"\b(?:do|does|did) (?:the|this) (?:(?:given|provided|above) )?"
        rf"(?:{_TEXT}|{_DOCUMENT}|report) (?:say|state|mention|describe|suggest|explain|discuss|tell|note|indicate|"
        r"recommend|specify|claim|argue|define|conclude|refer to|give)\b",
        rf"\b(?:{_SAID}|found|used|talked about|appears?|contained) in (?:the|this) (?:{_TEXT}|{_DOCUMENT})"
        rf"(?![\w-]| (?:{_OF})\b)(?!,? [a-z]+s? (?:of|for)\b)",
        rf"\b(?:the|this) (?:{_TEXT}) (?:requires?|recommends?|lists?|gives?|notes?|refers?|asks?|defines?)\b",
        r"\b(?:from|on|with|to|using) (?:what|the (?:facts|details|data)) (?:is |are |was |were )?"
        r"(?:given|provided|stated|said)(?: above| here)?(?= *[,.?;:]|$)",
        r"\bthe above(?:[- ]mentioned)?(?! (?:sea|ground|average|all|mean))\b",
        by="according to|based (?:solely |only )?on|as per|going by|judging by|with reference to|in light of",
        within="in|from|within|throughout",
        the="the|this|that|these|your",
        this="this|these",
        given=_GIVEN,
        coming=r"following",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of=_OF,
    ),
    points_back=pattern(
        rf"\bas (?:(?:is|was|we have|i have|has been|already|just|previously) ){{0,2}}(?:{_SAID}) "
        r"(?:above|below|earlier|previously|before|here)\b",
        rf"\b(?:{_SAID}) (?:above|below|here)(?! (?:the|a|an|its|sea|each|zero|\d))\b",
        r"\bsee (?:above|below)\b",
        rf"\bas (?:previously|already) (?:{_SAID})\b",
    ),
    refuses=pattern(
        r"\bas an? (?:ai|a\.i\.|artificial intelligence|large language|language|virtual|digital)(?: language)?"
        r" (?:model|assistant)\b",
        r"\b(?:i'm|i am) (?:just |only )?an? (?:ai|language model|chatbot)\b",
        r"\bi(?:'m| am)? (?:(?:am )?(?:sorry|afraid)(?:,|, but| but| that)? ?i )?(?:can't|cannot|can not|won't|am not "
        r"able to|am unable to|not able to|unable to|not allowed to|not permitted to|will not|must decline to|"
        r"don't feel comfortable|would rather not|have to decline|must refuse)(?: to)? (?:\w+ )?(?:answer|assist|help|"
        r"provide|comply|fulfil|fulfill|do that|do this|determine|find|share|create|write|offer|discuss|respond|"
        r"engage|access|give|tell|say|complete|process|generate|support|continue|browse|see|view|open)\b",
        r"\bi(?:'m| am) not (?:a|an) (?:lawyer|doctor|attorney|physician|financial advis[eo]r|medical professional|"
        r"expert)\b",
        r"\bi (?:do not|don't) (?:have|possess) (?:\w+ ){0,2}(?:access|information|knowledge|data|capabilit(?:y|ies)|"
        r"details|browsing)\b",
        r"\bi (?:do not|don't) know\b",
        r"\b(?:this|that|your) (?:request|question|topic|prompt) (?:violates|goes against|is against|cannot be "
        r"(?:answered|processed))\b",
        r"\b(?:this|that|it) (?:is|goes) (?:beyond|outside) my (?:capabilities|knowledge|scope|abilities)\b",
        r"\bmy (?:guidelines|programming|training data|knowledge cutoff|content policy)\b",
    ),
    says_nothing=pattern(
        r"\b(?:is|are|was|were|been|has|have)(?: not|n't)(?: been)? (?:explicitly |clearly |directly |further |"
        r"specifically )?(?:specified|mentioned|stated|disclosed|indicated|addressed|detailed|defined there)\b",
        r"\b(?:information|details?|number|amount|price|name|date|figure|reason|cost|value|answer|duration|size|weight|"
        r"height|length|age|location|recommendation|exact \w+)\b.{0,60}\b(?:is|are|was|were)(?: not|n't) (?:given|provided|"
        r"available|described|included|named|listed|clear|known|recorded|covered)\b",
        r"^\W*(?:not|never) (?:explicitly )?(?:specified|mentioned|given|stated|provided|available|disclosed|"
        r"applicable|known|stated|found)\b",
        r"\bno (?:such |specific |further |exact |relevant |direct )?(?:information|details?|data|mention|answer|"
        r"indication|figures?|evidence)\b.{0,40}\b(?:given|provided|available|found|stated|made|about|on|regarding|"
        r"included)\b",
        r"\b(?:cannot|can't|could not|can not) be (?:determined|answered|derived|inferred|established|concluded|found)\b",
        r"\b(?:does|do|did)(?: not|n't) (?:say|state|mention|specify|provide|contain|include|give|indicate|disclose)\b"
        r"(?! (?:that|how to)\b)",
        r"^\W*(?:unknown|unclear|n/?a|none given|unspecified|not sure|undetermined|no information|no answer)\W*$",
        r"\b(?:there is|there's) (?:no|not enough|insufficient|too little) (?:\w+ )?(?:information|context|detail|data|"
        r"mention|answer)\b",
        r"\b(?:remains|is) (?:unclear|unknown|unspecified|undetermined|impossible to (?:say|tell|determine))\b",
    ),
    chatter=pattern(
        r"\b(?:great|good|excellent|interesting|wonderful|fantastic) (?:question|topic|choice|point)\b",
        rf"\b(?:i|we)(?:'d| would|'ll| will| am|'m|'re| are)? (?:{_POLITE}|(?:happy|glad|pleased|delighted) to|"
        r"gladly|love to|be here) ?(?:to )?(?:help|assist|answer|explain|support|tell|be of|walk|guide)?",
        r"\blet me know\b|\bfeel free to (?:ask|contact|reach|let|message|get)\b|\bhope (?:this|that|it) helps\b",
        r"\bdo(?: not|n't) hesitate to\b|\bis there anything (?:else|more)\b|\banything else (?:i|we) can\b",
        r"\b(?:thank you|thanks) for (?:your|the|asking|reaching|this)\b.{0,60}(?:question|interest|asking|out|query)",
        r"^\W*(?:sure|certainly|of course|absolutely|definitely|gladly|no problem|my pleasure|you're welcome|"
        r"with pleasure|okay|ok|alright|understood|got it|hello|hi there|hi|dear user)(?: thing)?\W*$",
        r"\b(?:let's|let us) (?:dive|get started|explore|take a (?:closer )?look|begin|break)\b",
        r"\bhere(?:'s| is| are| you have) (?:the|your|an|a) (?:\w+ )?(?:answer|response|explanation|overview|"
        r"information|reply|result)s?(?: to your (?:question|request))?\W*$",
        r"^\W*(?:shall|should|may|would you like me to|do you want me to) ?(?:i|we)?\b.{0,80}\?\W*$",
        r"\bwould you like (?:me )?to (?:know|hear|continue|start|explain)\b|\bwhat would you like to know\b",
        r"\bi(?:'m| am) here to (?:help|assist)\b|\bhow (?:can|may) i (?:help|assist)\b|\bhappy to help\b",
        r"\b(?:have a (?:great|nice|good|wonderful) day|best of luck|stay tuned|happy learning)\b",
    ),
    asks_about_form=pattern(
        r"\bhow many (?:\w+ )?(?:sentences|paragraphs|headings|subheadings|columns|rows|words|bullet points|bullets|"
        r"list items|chapters|sections|lines|footnotes|pages|tables|entries|characters|letters)\b.{0,60}\b(?:have|has|"
        r"there|contain|mentioned|appear|listed|does|do|are|is|table|text|article|page|section|document|list)\b",
        r"\b(?:first|last|second|third|fourth|final|next|opening|closing|second-last|previous|longest|shortest)"
        r"(?:-last| to last)? (?:word|sentence|paragraph|heading|subheading|column|row|bullet(?: point)?|footnote|"
        r"entry in the (?:list|table)|item in the list|item of the list|chapter|line)\b",
        r"\b(?:which|what) (?:heading|headline|subheading|column|row|footnote|bullet|chapter title|section title|"
        r"section heading|section number|paragraph|title of the (?:section|chapter|table))\b",
        r"\b(?:which|what) (?:section|item|chapter|part|paragraph|page|table|figure|entry|clause|appendix|point)"
        r" (?:number )?(?:of|in) the\b.{0,50}\b(?:deals?|covers?|describes?|mentions?|discusses|contains?|comes?|"
        r"is about|follows?|precedes?|lists?|explains?)\b",
        r"\b(?:title|heading|caption|name|header|order|number|layout|structure|format) of the (?:\w+ )?(?:section|"
        r"chapter|table|columns?|rows?|list|headings?|article|paragraph|passage|page)\b(?! of the)",
        r"\b(?:order|sequence) (?:of|are|do|in which)\b.{0,60}\b(?:listed|table|list|columns|appear|mentioned|named)\b",
        r"\bwhat (?:is|does|are) (?:reference|footnote|source|entry|figure|item|citation|note|references) ?"
        r"(?:number )?[\[(]?\d",
        r"\b(?:alphabetical order|typeface|font|in bold|in italics|is (?:in )?italic|printed in bold|capital letters)\b",
        r"\bin (?:which|what) (?:journal|volume|issue) (?:did|was|were|has)\b",
        r"\b(?:what|which) (?:word|phrase|letter) (?:begins|starts|ends|opens|follows|comes|does the)\b",
        r"\bhow often (?:is|does|are) the (?:word|name|term|number)\b|\bbegins? with the word\b",
    ),
    writes_questions=pattern(
        r"\b(?:write|generate|create|produce|formulate|pose|compose) (?:exactly )?(?:an?|one|two|three|\d+)(?: \w+)? "
        r"(?:question|pair|question-answer|q&a|qa)s?\b.{0,40}\b(?:type|about|from|based|of|for|:|passage|with)",
        r"\byou are (?:given|provided with|shown) (?:a|the|several|\d+) (?:passage|text|document|chunk|excerpt)s?\b",
        r"\b(?:answerable|self-contained|understandable) (?:from|without|by) (?:the|any) (?:passage|text|context)\b",
        r"\byou (?:write|generate|create) (?:training|fine-tuning) (?:data|records|pairs)\b",
        r"\b(?:backed|supported) by (?:the )?evidence,? as (?:required|requested|asked)\b",
        r"\breply with json\b|\bsystem prompt\b.{0,3}[:\"]|\bquestion_type\b",
    ),
    yes_no=listed("yes no yep nope correct true false indeed right"),
    pronouns=listed("it they them he she him its their his hers theirs these those former latter there this that"),
    pointing=pattern(
        r"\b(?:this|these|that|those|such|said) (?:programmes?|programs?|case|cases|thing|things|one|ones|company|"
        r"organi[sz]ation|system|process|rule|rules|method|device|product|project|event|person|people|place|period|"
        r"year|date|amount|value|number|policy|service|option|situation|problem|reason|step|approach|change|group|"
        r"team|area|procedure|requirement|document|model|law|book|city|country|man|woman|building|machine)\b",
    ),
    vague=listed(
        "day days week weeks month months year years hour hours minute minutes time times euro euros dollar dollars percent rule rules work works mean means happen happens important importance case need needed needs thing things much many long often far old big high late early cost costs pay get go come make use used say way ways reason purpose number amount name one people person next done used there required possible allowed"
    ),
    joins_questions=pattern(
        r"(?:,| and|;|\?) (?:and )?(?:also )?(?:in |to |at |on |by |for |from |with |under |until )?"
        r"(?=(?:what|when|where|which|who|whom|whose|why|how)\b)",
        r"(?:,| and) (?:and )?(?=(?:is|are|does|do|did|can|may|must|was|were|will|has|have) (?:the|a|an|it|they|there|"
        r"all|every|any)\b)",
    ),
    unfinished=listed(
        "and or the a an of to with for because that which from by in on at as if than but its their is are was were be "
        "into between under when while whose must may can will including such following"
    ),
)
