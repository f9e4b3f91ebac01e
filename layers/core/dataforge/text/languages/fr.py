"""French: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "texte|passage|extrait|paragraphe|énoncé"
_DOCUMENT = (
    "document|article|chapitre|auteure?|section|contexte|source|tableau|informations|page|notice|description|liste"
)
_GIVEN = (
    "ci-dessus|ci-dessous|ci-après|donnée?s?|fournie?s?|précédente?s?|présente?|présentée?s?|ci-joint|cité|"
    "susmentionnée?s?|disponibles"
)
_SAYS = (
    "dit|indique|mentionne|précise|explique|décrit|affirme|déclare|recommande|suggère|souligne|évoque|parle|stipule|"
    "présente|raconte|ne (?:dit|mentionne|précise|donne|fournit|contient)"
)
_SAID = "indiqué|mentionné|décrit|précisé|expliqué|cité|dit|énoncé|présenté|évoqué|vu|stipulé|signalé"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:{_SAID})(?:e|s|es)? (?:dans|par) (?:le|ce|cet|cette|l') ?(?:{_TEXT}|document|article|tableau)"
        r"(?!\w| (?:de|du|des|d'|\d))",
        rf"\b(?:que|qu'est-ce que) (?:{_SAYS}) (?:le|la|l'|ce|cet|cette) ?(?:{_TEXT}|{_DOCUMENT})\b(?! (?:de|du|des)\b| ?\d)",
        r"\b(?:les|des|ces) informations (?:fournies|données|ci-dessus|disponibles|du texte)\b(?! par| à)",
        by="selon|d'après|suivant|conformément à|sur la base de|en se basant sur|à partir de|au vu de|à en croire",
        within="dans|de|du|au",
        the="le|la|les|l'|ce|cet|cette|ces",
        this="ce|cet|cette|ces",
        given=_GIVEN,
        coming=r"suivante?s?",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="de|du|des|d'|sur|à|au|en|pour|relatif|piéton|souterrain|clouté|intégral|officiel",
    ),
    points_back=pattern(
        rf"\bcomme (?:\w+ )?(?:{_SAID})(?:e|s|es)? (?:ci-dessus|plus haut|précédemment|ci-dessous|auparavant|plus tôt)\b",
        rf"\b(?:{_SAID})(?:e|s|es)? (?:ci-dessus|plus haut|précédemment|ci-dessous)\b|\bvoir ci-dessus\b|\bsusmentionn\w+",
    ),
    refuses=pattern(
        r"\ben tant (?:que|qu') ?(?:une? )?(?:ia|intelligence artificielle|modèle|assistant|modèle de langage|chatbot)\b",
        r"\bje (?:ne |n')(?:peux|puis|pourrai|suis|dispose|possède|ai|souhaite|veux)\b.{0,10}\b(?:pas|aucune?)\b.{0,60}\b"
        r"(?:répondre|aider|fournir|donner|mesure|accès|informations?|créer|autorisé|dire|partager|traiter|aborder|capable|"
        r"assister|renseigner|satisfaire)",
        r"\bje ne sais pas\b|\bje ne suis pas (?:avocat|médecin|juriste|un expert)\w*|\bil m'est impossible\b",
        r"\bje suis (?:une ia|un modèle de langage|une intelligence artificielle)\b",
    ),
    says_nothing=pattern(
        r"\b(?:n'est|ne sont|n'a|n'ont|n'était) (?:pas|nulle part)(?: été)? (?:\w+ )?(?:précisée?s?|mentionnée?s?|"
        r"indiquée?s?|spécifiée?s?|donnée?s?|connue?s?|fournie?s?|disponibles?|décrite?s?|communiquée?s?|stipulée?s?)\b",
        r"\b(?:aucune?|pas d'|pas de) (?:information|indication|précision|mention|donnée|détail|renseignement)s?\b",
        r"\bne peut (?:pas )?être (?:déterminée?|établie?|précisée?|trouvée?)\b|\bon ne (?:sait|peut) pas\b",
        r"\bne (?:précise|mentionne|dit|indique|fournit|donne|contient) pas\b",
        r"^\W*(?:non (?:précisé|mentionné|indiqué|spécifié|communiqué)e?s?|inconnue?|n/a|indéterminée?)\W*$",
    ),
    chatter=pattern(
        r"\b(?:bonne|excellente|très bonne|belle|superbe) question\b",
        r"\b(?:ravie?|heureux|heureuse|plaisir|enchantée?)\b.{0,40}\b(?:aider|répondre|assister|renseigner|vous|t'aider)\b",
        r"\bn'hésite[zs]? pas\b|\b(?:avez-vous|as-tu) d'autres questions\b|\bautre chose\b.{0,40}\?",
        r"\bj'espère que (?:cela|ça|cette|ces)\b|\bpuis-je vous aider\b|\bcomment puis-je\b",
        r"^\W*(?:bien sûr|certainement|absolument|volontiers|avec plaisir|d'accord|bonjour|entendu|merci|pas de problème|"
        r"évidemment|tout à fait|très bien)\W*$",
        r"\bmerci (?:pour|de) (?:votre|ta|cette)\b.{0,20}\b(?:question|intérêt|demande)",
        r"\bvoici (?:la|votre|une) (?:réponse|explication)\b[^:]{0,25}\W*$|\bsouhaitez-vous\b.{0,60}\?",
        r"\bje vais (?:vous|t')? ?(?:expliquer|répondre|aider)\b|\bfaites-le-moi savoir\b",
    ),
    asks_about_form=pattern(
        r"\bcombien de (?:\w+ )?(?:phrases|paragraphes|titres|colonnes|lignes|mots|chapitres|sections|tableaux|pages|puces|"
        r"notes|lettres|entrées)\b.{0,60}\b(?:a|contient|compte|comporte|comprend|y a-t-il|trouve|texte|tableau|article|"
        r"document)\b",
        r"\b(?:première?|dernière?|deuxième|troisième|avant-dernière?|prochaine?) (?:mot|phrase|paragraphe|titre|colonne|"
        r"ligne|chapitre|puce|entrée|section du)\b",
        r"\b(?:quel|quelle|quels|quelles) (?:est (?:le|la) )?(?:titre|intitulé|colonne|ligne|sous-titre|paragraphe|"
        r"en-tête|note de bas de page)\b",
        r"\b(?:par|avec|sur) quel(?:le)? (?:mot|phrase|lettre)\b|\bdans quel(?:le)? (?:section|chapitre|paragraphe|ordre|"
        r"colonne|revue|partie)\b.{0,40}\b(?:trouve|décrit|mentionn|list|cit|présent|apparai|figure|parle|publi)\w*",
        r"\b(?:titre|ordre|structure|intitulé|nombre) (?:de la|du|des) (?:\w+ )?(?:section|tableau|colonnes?|chapitre|"
        r"paragraphes?|lignes|article|liste|texte|phrases)\b",
    ),
    writes_questions=pattern(
        r"\b(?:écri(?:s|vez|re)|rédige[rz]?|génère[rz]?|générez|formule[rz]?|crée[rz]?|créez) (?:exactement )?(?:une|deux|trois|\d+)"
        r"(?: \w+)? (?:questions?|paires?)\b.{0,60}\b(?:texte|passage|type|à partir|sur)",
        r"\b(?:on|il) (?:vous|te) (?:donne|est donné|fournit) un (?:texte|passage|document)\b",
    ),
    yes_no=listed("oui non si vrai faux exact correct"),
    pronouns=listed(
        "il elle ils elles lui leur leurs eux le la les en y cela ceci ça celui celle ceux celles ce cet cette ces son "
        "sa ses"
    ),
    pointing=pattern(
        r"\b(?:ce|cet|cette|ces|dans ce|un tel|une telle) (?:cas|chose|choses|programme|entreprise|société|système|règle|"
        r"règles|appareil|produit|projet|personne|personnes|lieu|période|année|montant|valeur|nombre|méthode|étape|service|"
        r"processus|procédure|groupe|mesure|date|situation|problème|dernier|dernière)\b",
    ),
    vague=listed(
        "jour jours semaine semaines mois an ans année années heure heures minute minutes temps fois euro euros pourcent règle règles faire fait fonctionne signifie passe important importante cas besoin chose choses coûte coûter payer raison but nombre montant nom personne personnes possible permis longtemps souvent faut"
    ),
    joins_questions=pattern(
        r"(?:,| et|;|\?) (?:et )?(?:à |de |en |par |pour |dans |avec |depuis |sous )?(?=(?:quand|où|comment|combien|pourquoi|"
        r"quel|quelle|quels|quelles|qui|que|qu'est-ce)\b)",
        r" et (?=(?:le|la|les|l'|un|une) ?[\w-]+ (?:[\w-]+ )?[\w]+-(?:t-)?(?:il|elle|ils|elles|on)\b)",
        r" et (?=(?:est-ce que|est-il|sont-ils|peut-on|faut-il|doit-on|y a-t-il)\b)",
    ),
    unfinished=listed(
        "et ou le la les un une des de du à au aux avec pour par que qui dans en sur mais est sont sous dont si car ainsi "
        "son sa ses leur leurs ce cette ces ne sera doit peut"
    ),
)
