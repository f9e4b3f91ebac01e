"""Dutch: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "tekst|passage|fragment|tekstfragment|alinea|uittreksel|paragraaf|tekstgedeelte"
_DOCUMENT = "document|artikel|hoofdstuk|auteur|schrijver|sectie|context|bron|tabel|informatie|pagina|beschrijving|lijst"
_GIVEN = (
    "bovenstaande|bovengenoemde|hierboven|gegeven|verstrekte|voorgaande|vorige|aangeleverde|"
    "geciteerde|beschikbare|boven"
)
_SAYS = (
    "zegt|vermeldt|noemt|beschrijft|stelt|verklaart|raadt aan|beveelt aan|geeft aan|staat|legt uit|suggereert|spreekt|"
    "meldt|(?:zegt|vermeldt|geeft|noemt|bevat) (?:geen|niet|niets)"
)
_SAID = "vermeld|beschreven|genoemd|aangegeven|gezegd|uitgelegd|besproken|gesteld|geciteerd"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:{_SAID}|staat|staan) in (?:de|het|deze|dit) (?:{_TEXT}|document|artikel|tabel)(?! (?:van|over|\d))\b",
        rf"\bwat (?:{_SAYS}|staat er) (?:er )?(?:in )?(?:de|het|deze|dit) (?:{_TEXT}|{_DOCUMENT})\b(?! van\b| ?\d)",
        r"\b(?:de|deze) (?:verstrekte|gegeven|bovenstaande|beschikbare) informatie\b|\bde informatie hierboven\b",
        by="volgens|op basis van|aan de hand van|afgaande op|gebaseerd op|blijkens",
        within="in|uit|binnen",
        the="de|het|deze|dit|die|dat",
        this="deze|dit",
        given=_GIVEN,
        coming=r"onderstaande|volgende",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="van|over|voor|uit het|op|tussen|aan",
    ),
    points_back=pattern(
        rf"\b(?:zoals|als) (?:\w+ )?(?:hierboven|eerder|boven|reeds|al) (?:is |werd )?(?:{_SAID})\b",
        rf"\b(?:hierboven|bovenstaand|eerder) (?:{_SAID})e?\b|\bbovengenoemde?\b|\bzie hierboven\b",
    ),
    refuses=pattern(
        r"\bals (?:een )?(?:ai|ai-\w+|taalmodel|kunstmatige intelligentie|virtuele assistent)\b",
        r"\bik (?:kan|mag|wil|ben|heb) (?:\w+ ){0,6}?(?:niet|geen)\b.{0,60}\b(?:helpen|beantwoorden|antwoorden|geven|staat|"
        r"toegang|informatie|verstrekken|delen|maken|zeggen|bevoegd)",
        r"\b(?:kan|mag) ik (?:\w+ ){0,6}?(?:niet|geen)\b.{0,60}\b(?:helpen|beantwoorden|antwoorden|geven|verstrekken|delen)",
        r"\bik weet (?:het )?niet\b|\bik ben geen (?:advocaat|arts|jurist)\b|\bik ben een (?:ai|taalmodel)\b",
    ),
    says_nothing=pattern(
        r"\b(?:wordt|worden|is|zijn|werd) (?:\w+ ){0,4}?(?:niet|nergens) (?:\w+ )?(?:vermeld|genoemd|gespecificeerd|"
        r"aangegeven|bekend|beschreven|gegeven|beschikbaar|opgegeven)\b",
        r"\b(?:geen|er is geen) (?:\w+ )?(?:informatie|gegevens|vermelding|details?)\b",
        r"\bkan (?:\w+ ){0,4}niet (?:worden )?(?:bepaald|vastgesteld|beantwoord|afgeleid)\b|\bblijkt niet\b",
        r"^\W*(?:onbekend|niet (?:vermeld|genoemd|gespecificeerd|bekend|aangegeven|opgegeven)|n\.?v\.?t\.?|onduidelijk)\W*$",
    ),
    chatter=pattern(
        r"\b(?:goede|leuke|interessante|uitstekende) vraag\b",
        r"\b(?:help|graag|blij|plezier|genoegen)\b.{0,50}\b(?:help|helpen|verder|beantwoord|beantwoorden|uitleggen|dienst)\b",
        r"\baarzel niet\b|\blaat (?:het )?(?:me|mij|ons) (?:het )?weten\b|\b(?:nog|andere|verdere) vragen\b|\bik hoop dat (?:dit|"
        r"ik)\b|\b(?:waarmee|hoe) kan ik (?:u|je) helpen\b|\bnog iets (?:anders )?.{0,30}\?",
        r"^\W*(?:natuurlijk|zeker|graag|uiteraard|geen probleem|hallo|dank u|bedankt|oké|begrepen|prima|goedendag|"
        r"vanzelfsprekend|graag gedaan)\W*$",
        r"\b(?:bedankt|dank u|dank je) (?:wel )?voor (?:uw|je|de)\b.{0,20}\b(?:vraag|interesse|bericht)",
        r"\bhier is (?:het|uw|je|een) (?:antwoord|uitleg)\b[^:]{0,25}\W*$|\b(?:wilt u|wil je|zal ik)\b.{0,60}\?",
    ),
    asks_about_form=pattern(
        r"\bhoeveel (?:\w+ )?(?:zinnen|alinea's|koppen|kolommen|rijen|regels|woorden|hoofdstukken|paragrafen|tabellen|"
        r"pagina's|opsommingstekens|voetnoten|letters)\b.{0,60}\b(?:heeft|hebben|zijn|bevat|telt|staan|tekst|tabel|artikel|"
        r"document|handleiding)\b",
        r"\b(?:eerste|laatste|tweede|derde|voorlaatste) (?:woord|zin|alinea|kop|kolom|rij|regel|hoofdstuk|opsommingsteken)\b",
        r"\b(?:welke|wat is de) (?:kop|titel van (?:de|het)|kolom|rij|voetnoot|tussenkop)\b",
        r"\b(?:met|in) welk(?:e)? (?:woord|zin|letter|volgorde|alinea|kolom|tijdschrift|hoofdstuk)\b.{0,60}\b(?:begint|eindigt|"
        r"staat|staan|genoemd|vermeld|beschreven|verscheen|besproken)\b",
        r"\b(?:titel|volgorde|opbouw|naam) van (?:de|het) (?:\w+ )?(?:paragraaf|tabel|kolommen|kolom|rijen|hoofdstuk|alinea|"
        r"artikel|lijst)\b",
    ),
    writes_questions=pattern(
        r"\b(?:schrijf|genereer|formuleer|maak|bedenk) (?:een|twee|drie|\d+)(?: \w+)? vra(?:ag|gen)\b.{0,60}\b(?:tekst|passage|"
        r"type|basis|over)",
    ),
    yes_no=listed("ja nee neen jawel klopt juist onjuist waar"),
    pronouns=listed(
        "hij zij ze het hem haar hen hun zijn dit dat deze die er daar dan daarmee daarvoor daarin ervan zoiets"
    ),
    pointing=pattern(
        r"\b(?:dit|dat|deze|die|zulke|zo'n|genoemde) (?:geval|gevallen|zaak|ding|dingen|programma|bedrijf|systeem|regel|regels|"
        r"apparaat|product|project|persoon|personen|plaats|periode|jaar|bedrag|waarde|getal|methode|stap|dienst|proces|"
        r"procedure|groep|maatregel|datum|situatie|probleem|laatste)\b",
    ),
    vague=listed(
        "dag dagen week weken maand maanden jaar jaren uur uren minuut minuten tijd keer euro procent regel regels doen doet werkt betekent gebeurt belangrijk geval nodig ding dingen kost kosten betalen reden aantal naam persoon personen mogelijk toegestaan lang vaak"
    ),
    joins_questions=pattern(
        r"(?:,| en|;|\?) (?:en )?(?:in |op |aan |met |voor |van |bij |vanaf |tot )?(?=(?:wat|wanneer|waar|welke|welk|wie|waarom|"
        r"hoe|hoeveel)\b)",
        r" en (?=(?:is|zijn|mag|mogen|kan|kunnen|moet|moeten|wordt|heeft) (?:de|het|een|men|er|alle|iedere)\b)",
    ),
    unfinished=listed("en of de het een van voor met dat die omdat maar naar te als hun tot zoals"),
)
