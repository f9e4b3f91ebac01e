"""Italian: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "testo|brano|passaggio|passo|estratto|paragrafo|brano"
_DOCUMENT = "documento|articolo|capitolo|autore|autrice|sezione|contesto|fonte|tabella|informazioni|pagina|descrizione"
_GIVEN = (
    "sopra|qui sopra|sottostante|soprastante|precedente|dat[oaie]|fornit[oaie]|presente|citat[oa]|riportat[oaie]|"
    "indicat[oa]|allegat[oa]|suddett[oaie]|disponibili|di cui sopra"
)
_SAYS = (
    "dice|indica|menziona|afferma|spiega|descrive|dichiara|raccomanda|consiglia|suggerisce|riporta|specifica|parla|"
    "precisa|sostiene|non (?:dice|menziona|specifica|indica|fornisce|contiene)"
)
_SAID = "menzionat|descritt|indicat|citat|detto|spiegat|specificat|accennat|riportat|illustrat|vist"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:{_SAID})[oaie]? (?:nel|nella|in questo|in questa|nell') ?(?:{_TEXT}|documento|articolo|tabella)"
        r"(?! (?:di|del|della|su|\d))\b",
        rf"\b(?:secondo|in base a|stando a|dal|nel|nella|dalla|nell'|dall'|del|al) ?(?:(?:{_GIVEN}) )?(?:{_TEXT})"
        r"(?! (?:di|del|della|dei|su|che|legislativo|unico|pedonale|a livello|\d))\b(?=[ ]?(?:sopra|fornito|dato|[,.:;?!]|$))",
        rf"\b(?:cosa|che cosa|che) (?:{_SAYS}) (?:il|la|l'|questo|questa) ?(?:{_TEXT}|{_DOCUMENT})\b(?! (?:di|del|della)\b| ?\d)",
        r"\b(?:le|dalle|nelle|alle) informazioni (?:fornite|date|disponibili|riportate|di cui sopra|sopra)\b(?! da)",
        by="secondo|in base a|in base al|in base alla|stando a|stando al|sulla base di|sulla base del|conformemente al",
        within="nel|nella|in|dal|dalla|del|della|nell'|dall'|dell'",
        the="il|la|lo|i|gli|le|l'|questo|questa|questi|queste",
        this="questo|questa|quest'",
        given=_GIVEN,
        coming=r"seguente",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="di|del|della|dello|dei|degli|delle|dell'|su|sul|per|a|che regola|unico|legislativo|pedonale|livello|integrale",
    ),
    points_back=pattern(
        rf"\bcome (?:già )?(?:è stato )?(?:{_SAID})[oaie]? (?:sopra|in precedenza|precedentemente|prima|poc'anzi)\b",
        rf"\b(?:{_SAID})[oaie]? (?:sopra|in precedenza|precedentemente)\b|\b(?:suddett|sopracitat|summenzionat|sopra citat)"
        r"[oaie]\b|\bdi cui sopra\b",
    ),
    refuses=pattern(
        r"\b(?:in quanto|essendo|come) (?:un'|un |una )?(?:ia|intelligenza artificiale|modello linguistico|modello di "
        r"linguaggio|assistente virtuale|modello)\b",
        r"\bnon (?:posso|potrò|sono in grado|riesco|ho|dispongo|mi è possibile|sono autorizzat[oa])\b.{0,60}\b(?:rispondere|"
        r"aiutar\w+|fornire|fornirti|dare|darti|accesso|informazioni|creare|condividere|dire|assister\w+|offrire)",
        r"^\W*non (?:lo so|saprei|so)\b|\bnon sono un (?:avvocato|medico)\b|\bsono un(?:'ia| modello linguistico)\b",
    ),
    says_nothing=pattern(
        r"\bnon (?:è|sono|viene|vengono|è stat[oa]|risulta) (?:\w+ )?(?:specificat|menzionat|indicat|precisat|fornit|not|"
        r"disponibil|riportat|dett|dat|conosciut)[oaie]\b",
        r"\b(?:non ci sono|nessuna|non c'è|non sono presenti) (?:\w+ )?(?:informazion[ei]|dati|indicazion[ei]|menzione|"
        r"dettagli)\b",
        r"\bnon (?:si )?(?:può|è possibile) (?:essere )?(?:determin|rispond|stabil|dir|saper)\w*",
        r"\bnon (?:si )?(?:specifica|menziona|indica|dice|precisa|fornisce|riporta)\b",
        r"^\W*(?:sconosciut[oa]|non (?:specificat|menzionat|indicat|disponibil|not|precisat)[oaie]|n/a|n\.d\.)\W*$",
    ),
    chatter=pattern(
        r"\b(?:ottima|bella|buona|eccellente|interessante) domanda\b",
        r"\b(?:felice|lieto|lieta|piacere|contento|contenta)\b.{0,40}\b(?:aiut|rispond|assist|spieg|inform)\w*",
        r"\bnon esitare\b|\bnon esiti\b|\b(?:c'è altro|altre domande|qualcos'altro)\b.{0,40}\?|\bspero (?:che|di)\b.{0,30}\b"
        r"(?:utile|aiut\w+)|\bcome posso aiutar\w+|\bfammi sapere\b|\bmi faccia sapere\b",
        r"^\W*(?:certo|certamente|certo che sì|naturalmente|volentieri|con piacere|ciao|grazie|d'accordo|va bene|"
        r"nessun problema|perfetto|assolutamente|buongiorno|salve)\W*$",
        r"\bgrazie per (?:la|aver|l')\b.{0,20}\b(?:domanda|interesse|chiesto|contattat\w+)",
        r"\becco (?:la|una|a te la) (?:risposta|spiegazione)\b[^:]{0,25}\W*$|\b(?:vuoi|desidera|vuole|ti piacerebbe) "
        r"(?:che|sapere)\b.{0,60}\?",
    ),
    asks_about_form=pattern(
        r"\bquant[ei] (?:\w+ )?(?:frasi|paragrafi|titoli|colonne|righe|parole|capitoli|sezioni|tabelle|pagine|punti elenco|"
        r"note|lettere|voci)\b.{0,60}\b(?:ha|ci sono|contiene|compaiono|presenta|comprende|testo|tabella|articolo|documento|"
        r"manuale)\b",
        r"\b(?:prim[oa]|ultim[oa]|second[oa]|terz[oa]|penultim[oa]) (?:frase|parola|paragrafo|titolo|colonna|riga|capitolo|"
        r"voce dell'elenco|punto dell'elenco)\b",
        r"\b(?:quale|qual è|che) (?:il |la )?(?:titolo|colonna|riga|sottotitolo|intestazione|nota a piè)\b",
        r"\b(?:con|in|per) (?:quale|che) (?:parola|frase|lettera|ordine|paragrafo|colonna|rivista|sezione|capitolo)\b.{0,60}"
        r"\b(?:inizia|comincia|termina|finisce|compare|menziona|descri|trova|pubblic|tratta|elenc)\w*",
        r"\b(?:titolo|ordine|struttura|numero|intestazione) (?:della|del|delle|dei) (?:\w+ )?(?:sezione|tabella|colonn[ae]|"
        r"righe|riga|capitolo|paragrafi?|articolo|elenco|testo|frasi)\b",
    ),
    writes_questions=pattern(
        r"\b(?:scrivi|scriva|genera|generi|formula|crea) (?:una|due|tre|\d+)(?: \w+)? domand[ae]\b.{0,60}\b(?:testo|brano|"
        r"tipo|basat|su|partire)",
    ),
    yes_no=listed("sì si no vero falso corretto esatto giusto"),
    pronouns=listed(
        "lui lei loro esso essa essi esse egli ella questo questa questi queste ciò quello quella quelli quelle suo sua "
        "suoi sue ne ci lo la li le gli"
    ),
    pointing=pattern(
        r"\b(?:questo|questa|questi|queste|quest'|quel|quello|quella|tale|tali|detto|detta) ?(?:caso|casi|cosa|cose|programma|"
        r"azienda|sistema|regola|apparecchio|prodotto|progetto|persona|persone|luogo|periodo|anno|importo|valore|numero|"
        r"metodo|passaggio|servizio|processo|procedura|gruppo|misura|data|situazione|problema|ultimo|ultima)\b",
    ),
    vague=listed(
        "giorno giorni settimana settimane mese mesi anno anni ora ore minuto minuti tempo volte volta euro regola regole fare fa funziona significa succede accade importante caso serve cosa cose costa pagare ragione numero quantità nome persona persone possibile permesso"
    ),
    joins_questions=pattern(
        r"(?:,| e|;|\?) (?:e )?(?:a |di |in |per |con |da |su |entro )?(?=(?:che cosa|cosa|quando|dove|come|quanto|quanta|"
        r"quanti|quante|quale|quali|qual|chi|perché)\b)",
        r" e (?=(?:è|sono|può|possono|ci sono|deve|devono|ha) (?:il|la|lo|i|gli|le|un|una|tutti)\b)",
    ),
    unfinished=listed(
        "e o il la lo i gli le un una di del della dei delle a al alla con per che in nel nella su ma è sono se come suo sua "
        "senza quando perché né da dal dalla sarà deve può"
    ),
)
