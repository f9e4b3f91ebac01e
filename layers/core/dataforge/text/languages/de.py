"""German: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = (
    "text(?:es|s|e)?|textauszugs?|textabschnitts?|textabschnitten|passage|auszugs?|absatz(?:es)?|abschnitt(?:s|es)?|"
    "textstelle|ausschnitts?|textausschnitts?|textpassage"
)
_DOCUMENT = (
    "dokuments?|dokumente[ns]?|artikels?|kapitels?|autors?|autorin|verfassers?|quelle|kontexte?s?|tabelle|informationen|"
    "angaben|materials?|beitrags?|seite|beschreibung|liste|unterlagen|merkblatts?|klausel"
)
_GIVEN = (
    "obige[nmrs]?|oben|vorliegende[nmrs]?|gegebene[nmrs]?|bereitgestellte[nmrs]?|angegebene[nmrs]?|"
    "vorstehende[nmrs]?|genannte[nmrs]?|zitierte[nmrs]?|vorherige[nmrs]?|angefügte[nmrs]?|gezeigte[nmrs]?"
)
_SAYS = (
    "sagt|besagt|erwähnt|nennt|beschreibt|erklärt|gibt an|empfiehlt|steht|heißt es|berichtet|behauptet|spricht|schreibt|"
    "erläutert|geht hervor|schildert|führt aus|stellt fest|betont|macht keine"
)
_SAID = "erwähnt|beschrieben|genannt|angegeben|dargestellt|ausgeführt|erläutert|gesagt|geschildert|aufgeführt|zitiert"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:im|in dem|in diesem|in dieser) (?:{_TEXT}) (?:\w+ ){{0,3}}(?:{_SAID}|steht|heißt)\b",
        rf"\b(?:was|wie|wo|wer|welche\w*) (?:steht|heißt|wird|werden)\b.{{0,40}}\b(?:im|in diesem|in dieser|in dem|in der)"
        rf" (?:(?:{_GIVEN}) )?(?:{_TEXT}|dokument|artikel|tabelle)\b(?! (?:des|der|von|über)\b)",
        by="laut|gemäß|zufolge|nach|entsprechend|basierend auf|ausgehend von|auf (?:der )?grundlage|anhand|aufgrund",
        within="im|in|aus|innerhalb",
        the="dem|der|den|des|die|das|diesem|dieser|diesen|dieses|diese",
        this="diesem|dieser|diesen|dieses",
        given=_GIVEN,
        coming=r"folgende[nmrs]?",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="des|der|von|vom|aus|zu|zum|zur|für|eines|einer|am|bei|durch den|ihres|seines",
    ),
    points_back=pattern(
        rf"\bwie (?:\w+ )?(?:oben|zuvor|bereits|vorstehend|hier|eingangs|vorher|weiter unten|unten)\b.{{0,20}}\b(?:{_SAID})",
        rf"\b(?:oben|vorstehend|nachstehend|vorgenannt|obengenannt)(?:en|er|es|e)? ?(?:{_SAID})(?:e[nmrs]?)?\b",
        r"\bobengenannt\w*|\bobig(?:e|en|em|er|es)\b|\bsiehe oben\b",
    ),
    refuses=pattern(
        r"\bals (?:ein |eine )?(?:ki|künstliche intelligenz|sprachmodell|ki-\w+|großes sprachmodell|chatbot|"
        r"virtueller assistent|ki-assistent)\b",
        r"\b(?:kann|darf|möchte|werde|konnte) ich (?:\w+ ){0,6}?(?:nicht|keine?n?|leider)\b.{0,60}\b(?:helfen|beantworten|"
        r"antworten|geben|weiterhelfen|behilflich|unterstützen|bereitstellen|mitteilen|sagen|erstellen|nachkommen|dienen)",
        r"\bich (?:kann|darf|möchte|werde|bin|habe) (?:\w+ ){0,6}?(?:nicht|keine?n?|außerstande)\b.{0,60}\b(?:helfen|"
        r"beantworten|antworten|geben|weiterhelfen|lage|zugriff|informationen|zugang|bereitstellen|mitteilen|sagen|"
        r"erstellen|nachkommen|berechtigt|auskunft|dienen|befugt)",
        r"\b(?:mir|uns) ist es (?:leider )?nicht (?:möglich|erlaubt|gestattet)\b",
        r"\bich weiß (?:es |das )?(?:leider )?nicht\b|\bich bin (?:kein|keine) (?:anwalt|arzt|ärztin|anwältin|jurist)\w*",
    ),
    says_nothing=pattern(
        r"\b(?:wird|werden|ist|sind|wurde|wurden) (?:\w+ ){0,4}?(?:nicht|nirgends) (?:\w+ )?(?:angegeben|genannt|erwähnt|"
        r"spezifiziert|bekannt|beschrieben|aufgeführt|festgelegt|erläutert|ersichtlich|näher|verfügbar)\b",
        r"\b(?:keine|keinerlei) (?:\w+ )?(?:angaben?|informationen?|auskunft|hinweise?|daten|erwähnung)\b",
        r"\bgeht (?:\w+ ){0,5}nicht hervor\b|\blässt sich (?:\w+ ){0,5}nicht (?:sagen|beantworten|bestimmen|ermitteln)\b",
        r"\bkann (?:\w+ ){0,5}nicht (?:beantwortet|bestimmt|ermittelt|gesagt) werden\b",
        r"^\W*(?:unbekannt|keine angabe|nicht (?:angegeben|genannt|bekannt|erwähnt|spezifiziert)|unklar|k\. ?a\.)\W*$",
    ),
    chatter=pattern(
        r"\b(?:gute|tolle|interessante|spannende|sehr gute|ausgezeichnete|großartige) frage\b",
        r"\b(?:gerne?|freut|freue|froh)\b.{0,60}\b(?:helfe|helfen|weiter|beantworte|beantworten|interessieren|unterstütze|"
        r"erkläre|dass sie|zur verfügung|behilflich|weiterhelfen)\b",
        r"\b(?:helfe|erkläre|beantworte|unterstütze) (?:ich )?(?:ihnen|dir|euch)\b.{0,30}\b(?:gerne?|weiter)\b",
        r"\bschön, dass (?:sie|du|ihr)\b|\b(?:melden|wenden|fragen) sie sich (?:jederzeit|gerne?)\b",
        r"\bich hoffe,? (?:das|dies|ich|diese)\b.{0,30}\b(?:hilft|weiter|helfen)|\bzögern sie nicht\b",
        r"\b(?:haben sie|hast du|gibt es) (?:noch |weitere )*(?:fragen|etwas)\b.{0,40}\?|\bbei (?:weiteren )?fragen\b",
        r"^\W*(?:gerne?|natürlich|selbstverständlich|klar|sicher|kein problem|aber sicher|vielen dank|danke|hallo|"
        r"guten tag|okay|alles klar|verstanden|aber gerne?|sehr gerne?)\W*$",
        r"\bvielen dank für (?:ihre|deine|die)\b.{0,20}(?:frage|anfrage|interesse)|\bwie kann ich (?:ihnen|dir)\b",
        r"\bhier ist (?:die|ihre|deine|eine) (?:\w+ )?(?:antwort|erklärung|übersicht)\W*$",
        r"\bsoll ich\b.{0,60}\?|\bmöchten sie mehr\b|\blassen sie (?:es )?(?:mich|uns) wissen\b",
    ),
    asks_about_form=pattern(
        r"\bwie ?viele (?:\w+ )?(?:sätze|absätze|überschriften|spalten|zeilen|wörter|worte|kapitel|abschnitte|tabellen|"
        r"fußnoten|seiten|aufzählungspunkte|punkte|buchstaben|einträge|beträge)\b.{0,60}\b(?:hat|haben|gibt|enthält|"
        r"kommen|kommt|umfasst|stehen|sind|besteht|tabelle|text|artikel|dokument)\b",
        r"\b(?:erste[nmrs]?|letzte[nmrs]?|zweite[nmrs]?|dritte[nmrs]?|vorletzte[nmrs]?|nächste[nmrs]?) (?:wort|satz|absatz|"
        r"überschrift|spalte|zeile|kapitel|aufzählungspunkt|fußnote|eintrag|abschnitt)\w*\b",
        r"\b(?:welche[nmrs]?|was ist die) (?:überschrift|spalte|zeile|fußnote|spaltenüberschrift|zwischenüberschrift)\b",
        r"\b(?:mit|in) welche[nmr] (?:wort|satz|buchstaben|absatz|abschnitt|kapitel|reihenfolge|spalte|zeile)\b",
        r"\b(?:überschrift|titel|reihenfolge|aufbau|gliederung) (?:des|der|dieses|dieser) (?:\w+ )?(?:abschnitts?|tabelle|"
        r"kapitels?|artikels?|spalten?|zeilen?|liste|textes|absatzes)\b",
        r"\bwie heißt (?:die|der|das) (?:\w+ )?(?:überschrift|spalte|kapitel|abschnitt|zeile|fußnote)\b",
        r"\b(?:fettgedruckt|kursiv gedruckt|schriftart|großbuchstaben)\b|\bin welcher zeitschrift\b",
    ),
    writes_questions=pattern(
        r"\b(?:schreibe?|erstelle|formuliere|generiere|erzeuge)(?:n sie)? (?:genau )?(?:eine|ein|zwei|drei|\d+)(?: \w+)? "
        r"(?:frage|fragen|frage-antwort-paar\w*|paare?)\b.{0,60}\b(?:text|abschnitt|passage|typ|basierend|zum|zu)",
        r"\b(?:dir|ihnen) (?:wird|ist) (?:ein|eine|der|die) (?:text|passage|abschnitt|dokument)\b.{0,20}\bgegeben\b",
    ),
    yes_no=listed("ja nein doch richtig falsch stimmt jawohl genau"),
    pronouns=listed(
        "er sie es ihn ihm ihnen ihr ihre ihren sein seine dies diese dieser dieses diesen das dort dann dabei damit "
        "dafür darin davon darüber jene jener"
    ),
    pointing=pattern(
        r"\b(?:diese[nmrs]?|jene[nmrs]?|solche[nmrs]?) (?:fall|fälle[n]?|sache|dinge?|programms?|firma|"
        r"unternehmens?|systems?|verfahrens?|regel|regeln|gerät\w*|produkts?|projekts?|person|personen|ort\w*|zeitraum\w*|"
        r"jahr\w*|betrags?|wert\w*|zahl|methode|vorgangs?|schritts?|maßnahme\w*|gruppe|dienst\w*|gebäude\w*|stadt|land\w*)\b",
    ),
    vague=listed(
        "tag tage tagen woche wochen monat monate monaten jahr jahre jahren stunde stunden minute minuten zeit mal euro prozent regel regeln gilt geht gehen macht machen bedeutet passiert wichtig fall lange oft weit alt groß hoch spät früh kostet kosten viel viele sache ding dinge grund zweck zahl anzahl name person personen nötig möglich erlaubt tun funktioniert"
    ),
    joins_questions=pattern(
        r"(?:,| und|;|\?) (?:und )?(?:ab |bis |in |an |mit |für |von |zu |bei |seit |unter )?(?=(?:was|wann|wo|welche[nmrs]?|"
        r"wer|wen|wem|warum|wie|womit|wofür|woher)\b)",
        r" und (?=(?:ist|sind|darf|dürfen|kann|können|muss|müssen|wird|werden|gibt|gilt|hat|haben|kostet) "
        r"(?:der|die|das|ein|eine|man|es|alle|jeder)\b)",
    ),
    unfinished=listed(
        "und oder der die das den dem des ein eine einen einem einer von zu mit für weil dass im als wenn aber ihre ihr sowie bzw bis zur zum"
    ),
)
