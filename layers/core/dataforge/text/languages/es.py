"""Spanish: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "texto|pasaje|extracto|fragmento|párrafo|enunciado"
_DOCUMENT = (
    "documento|artículo|capítulo|autora?|sección|apartado|contexto|fuente|tabla|información|página|descripción|lista"
)
_GIVEN = (
    "anterior|de arriba|arriba|dad[oa]s?|proporcionad[oa]s?|presente|citad[oa]|mencionad[oa]|"
    "suministrad[oa]s?|adjunt[oa]|facilitad[oa]s?|anteriormente citad[oa]"
)
_SAYS = (
    "dice|indica|menciona|señala|explica|describe|afirma|declara|recomienda|sugiere|establece|especifica|habla|cuenta|"
    "detalla|no (?:dice|menciona|especifica|indica|proporciona|contiene)"
)
_SAID = "indica|menciona|señala|describe|explica|dice|expone|detalla|especifica|afirma"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:mencionad|descrit|indicad|citad|señalad|explicad|list)[oa]s? en (?:el|la|este|esta) (?:{_TEXT}|documento|"
        r"artículo|tabla)(?! (?:de|del|sobre|\d))\b",
        rf"\bqué (?:{_SAYS}) (?:el|la|este|esta) (?:{_TEXT}|{_DOCUMENT})\b(?! (?:de|del|sobre la)\b| ?\d)",
        r"\b(?:la|esta) información (?:proporcionada|dada|anterior|facilitada|disponible)\b(?! por| a)",
        by="según|de acuerdo con|conforme a|con base en|basándose en|a partir de|en base a|sobre la base de",
        within="en|del|de|dentro de",
        the="el|la|los|las|este|esta|ese|esa",
        this="este|esta",
        given=_GIVEN,
        coming=r"siguiente",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="de|del|sobre|para|a|por|que regula|legal|constitucional|íntegro|sin",
    ),
    points_back=pattern(
        rf"\b(?:como|según) (?:ya )?(?:se )?(?:ha |he |hemos )?(?:{_SAID}|indicó|mencionó|mencionado|indicado|dicho|señalado|"
        r"descrito|explicado) (?:\w+ )?(?:arriba|anteriormente|más arriba|antes|previamente)\b",
        r"\b(?:mencionad|indicad|citad|descrit|señalad)[oa]s? (?:arriba|anteriormente|más arriba|previamente)\b"
        r"|\barriba (?:mencionad|indicad|citad|descrit)[oa]s?\b|\bantes mencionad[oa]s?\b",
    ),
    refuses=pattern(
        r"\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje|modelo de ia|asistente virtual|asistente de ia|"
        r"modelo)\b(?=.{0,20}(?:,|no|lenguaje))",
        r"\b(?:no puedo|no podré|no me es posible|no soy capaz de|no estoy autorizad[oa]|no tengo|no dispongo)\b.{0,60}\b"
        r"(?:responder|ayudar|ayudarte|ayudarle|proporcionar|dar|ofrecer|acceso|información|crear|contestar|compartir|"
        r"facilitar|decir|asistir|atender|brindar|permiso)",
        r"\bno lo sé\b|\bno sé la respuesta\b|\bno soy (?:abogad[oa]|médic[oa]|un experto)\b|\bsoy (?:una ia|un modelo de)\b",
    ),
    says_nothing=pattern(
        r"\bno (?:se|está|están|ha|han|fue|es|viene) (?:ha |han )?(?:sido )?(?:especifica|menciona|indica|detalla|precisa|"
        r"proporciona|conoce|sabe|dice|aporta|facilita|ofrece|da)(?:n|do|da|dos|das)?\b",
        r"\b(?:no hay|ninguna|sin|no existe|no consta) (?:\w+ )?(?:información|datos?|indicación|mención|detalles?)\b",
        r"\bno (?:se )?puede (?:ser )?(?:determinar|determinad|responder|establecer|saber|deducir)\w*",
        r"\bno (?:especifica|menciona|indica|dice|proporciona|contiene|aparece|consta)\b",
        r"^\W*(?:desconocid[oa]|no (?:especificad|mencionad|indicad|disponible|aplica|consta|determinad)\w*|n/a|se "
        r"desconoce)\W*$",
    ),
    chatter=pattern(
        r"\b(?:buena|excelente|gran|interesante|muy buena|estupenda) pregunta\b",
        r"\b(?:encantad[oa]|gusto|alegra|placer|feliz)\b.{0,40}\b(?:ayud|respond|atend|inform|explic|servir)\w*",
        r"\bno dudes? en\b|\b(?:algo|alguna cosa) más\b.{0,40}\?|\b(?:tienes|tiene) (?:alguna )?(?:otra|más) (?:pregunta|"
        r"duda)s?\b|\bespero que (?:esto|te|le|esta)\b|\bhazme saber\b|\ben qué puedo ayudar\w*",
        r"^\W*(?:claro(?: que sí)?|por supuesto|desde luego|con gusto|con mucho gusto|hola|gracias|de acuerdo|entendido|"
        r"vale|sin problema|naturalmente|perfecto|buenos días)\W*$",
        r"\bgracias por (?:tu|su|la|preguntar)\b.{0,20}(?:pregunta|consulta|interés|preguntar)?|\bquedo a (?:tu|su) "
        r"disposición\b",
        r"\b(?:aquí|a continuación) (?:tienes?|está|te doy) (?:la|tu|su|una) (?:respuesta|explicación)\b[^:]{0,25}\W*$",
        r"\b(?:quieres|desea|te gustaría|le gustaría) (?:que|saber)\b.{0,60}\?",
    ),
    asks_about_form=pattern(
        r"\bcuánt[oa]s (?:\w+ )?(?:frases|oraciones|párrafos|títulos|encabezados|columnas|filas|palabras|capítulos|secciones|"
        r"tablas|páginas|apartados|líneas|viñetas|notas|letras|entradas)\b.{0,60}\b(?:tiene|hay|contiene|aparecen|incluye|"
        r"consta|texto|tabla|artículo|documento|manual)\b",
        r"\b(?:primer|primera|última|último|segunda|segundo|tercera|tercer|penúltima|penúltimo) (?:frase|oración|palabra|"
        r"párrafo|título|encabezado|columna|fila|capítulo|línea|viñeta|apartado del|entrada)\b",
        r"\b(?:qué|cuál es (?:el|la)) (?:título|encabezado|columna|fila|subtítulo|nota al pie|epígrafe)\b",
        r"\b(?:con|por|en) qué (?:palabra|frase|letra|orden|párrafo|columna|revista|sección|apartado|capítulo)\b.{0,60}\b"
        r"(?:empieza|comienza|termina|acaba|aparece|figura|menciona|describe|encuentra|publicó|trata|lista|enumera)\w*",
        r"\b(?:título|orden|estructura|número|encabezado) (?:de la|del|de las|de los) (?:\w+ )?(?:sección|tabla|columnas?|"
        r"filas?|capítulo|párrafos?|artículo|lista|texto|frases)\b",
    ),
    writes_questions=pattern(
        r"\b(?:escrib[ea]|genera|genere|formula|formule|redacta|redacte|crea|cree) (?:exactamente )?(?:una|dos|tres|\d+)(?: \w+)? (?:preguntas?|pares?)\b"
        r".{0,60}\b(?:texto|pasaje|tipo|basad|sobre|a partir)",
        r"\bse (?:te|le) (?:da|proporciona) un (?:texto|pasaje|documento)\b",
    ),
    yes_no=listed("sí si no correcto cierto falso verdadero exacto"),
    pronouns=listed(
        "él ella ellos ellas ello lo la los las le les este esta estos estas esto ese esa esos esas eso aquel aquella su "
        "sus suyo allí ahí"
    ),
    pointing=pattern(
        r"\b(?:este|esta|estos|estas|ese|esa|esos|esas|dicho|dicha|dichos|dichas|tal) (?:caso|casos|cosa|cosas|programa|"
        r"empresa|sistema|regla|norma|aparato|producto|proyecto|persona|personas|lugar|período|periodo|año|importe|cantidad|"
        r"valor|número|método|paso|servicio|proceso|procedimiento|grupo|medida|fecha|situación|problema|último|última)\b",
    ),
    vague=listed(
        "día días semana semanas mes meses año años hora horas minuto minutos tiempo veces vez euro euros regla reglas hacer hace funciona significa pasa ocurre importante caso necesita cosa cosas cuesta pagar razón número cantidad nombre persona personas posible permitido falta"
    ),
    joins_questions=pattern(
        r"(?:,| y|;|\?) (?:y )?(?:¿)?(?:a |de |en |por |para |con |desde |bajo |hasta )?(?=(?:qué|cuándo|dónde|cómo|cuánto|"
        r"cuánta|cuántos|cuántas|cuál|cuáles|quién|quiénes)\b)",
        r" y (?:¿)?(?=(?:es|son|puede|pueden|hay|debe|deben|está|están|tiene) (?:el|la|los|las|un|una|todos)\b)",
    ),
    unfinished=listed(
        "y o u e el la los las un una unos unas de del a al con para por que en pero son si su sus porque ni se será debe puede pagando siendo"
    ),
)
