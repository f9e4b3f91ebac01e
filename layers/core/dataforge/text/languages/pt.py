"""Portuguese: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "texto|trecho|excerto|parágrafo|passagem|fragmento|enunciado"
_DOCUMENT = (
    "documento|artigo|capítulo|autora?|seção|secção|contexto|fonte|tabela|informações|informação|página|descrição"
)
_GIVEN = (
    "acima|abaixo|dad[oa]s?|fornecid[oa]s?|anterior|presente|apresentad[oa]s?|citad[oa]|mencionad[oa]|"
    "disponíveis|em anexo"
)
_SAYS = (
    "diz|indica|menciona|afirma|explica|descreve|declara|recomenda|sugere|refere|estabelece|especifica|fala|aponta|"
    "informa|não (?:diz|menciona|especifica|indica|informa|fornece)"
)
_SAID = "mencionad|descrit|indicad|citad|referid|explicad|apresentad|informad|dit"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:{_SAID})[oa]s? (?:no|na|neste|nesta) (?:{_TEXT}|documento|artigo|tabela)(?! (?:de|do|da|sobre|\d))\b",
        rf"\b(?:o )?que (?:{_SAYS}) (?:o|a|este|esta) (?:{_TEXT}|{_DOCUMENT})\b(?! (?:de|do|da)\b| ?\d)",
        rf"\bo que (?:o|a|este|esta) (?:{_TEXT}|{_DOCUMENT}) (?:{_SAYS})\b",
        r"\b(?:as|nas|das) informaç(?:ões|ão) (?:fornecidas?|dadas?|acima|disponíveis)\b(?! por| pel)",
        by="segundo|de acordo com|conforme|com base em|com base|baseado em|a partir de|consoante",
        within="no|na|do|da|neste|nesta|deste|desta",
        the="o|a|os|as|no|na|este|esta|esse|essa",
        this="este|esta",
        given=_GIVEN,
        coming=r"seguinte",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="de|do|da|dos|das|sobre|para|ao|por|legal|constitucional|subterrânea|aérea",
    ),
    points_back=pattern(
        rf"\b(?:como|conforme) (?:já )?(?:foi )?(?:{_SAID})[oa]s? (?:acima|anteriormente|antes|abaixo)\b",
        rf"\b(?:{_SAID})[oa]s? (?:acima|anteriormente|abaixo)\b|\bacima (?:{_SAID})[oa]s?\b|\bsupracitad[oa]s?\b",
    ),
    refuses=pattern(
        r"\bcomo (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem|modelo de ia|assistente virtual)\b",
        r"\bnão (?:posso|consigo|poderei|estou autorizad[oa]|tenho|disponho|sou capaz)\b.{0,60}\b(?:responder|ajudar|"
        r"ajudá-lo|fornecer|dar|oferecer|acesso|informaç\w+|criar|compartilhar|partilhar|dizer|atender|auxiliar)",
        r"\bnão sei (?:a resposta|responder|dizer)\b|^\W*não sei\W*$|\bnão sou (?:advogad[oa]|médic[oa])\b|\bsou (?:uma ia|"
        r"um modelo de linguagem)\b",
    ),
    says_nothing=pattern(
        r"\bnão (?:é|foi|está|são|foram|estão|vem) (?:\w+ )?(?:especificad|mencionad|indicad|informad|fornecid|detalhad|"
        r"conhecid|disponível|dad|referid|dit)\w*",
        r"\b(?:não há|nenhuma|sem|não existe[m]?) (?:\w+ )?(?:informaç\w+|dados?|indicação|menção|detalhes?)\b",
        r"\bnão (?:se )?(?:pode|é possível) (?:ser )?(?:determinar|determinad|responder|saber|estabelecer)\w*",
        r"\bnão (?:se )?(?:especifica|menciona|indica|diz|informa|fornece|consta|refere)\b",
        r"^\W*(?:desconhecid[oa]|não (?:especificad|mencionad|indicad|disponível|informad|consta)\w*|n/a)\W*$",
    ),
    chatter=pattern(
        r"\b(?:boa|excelente|ótima|óptima|interessante|muito boa) (?:pergunta|questão)\b",
        r"\b(?:feliz|prazer|contente|satisfação|alegria|gosto)\b.{0,40}\b(?:ajud|respond|atend|inform|explic)\w*",
        r"\bnão hesite\b|\bfique à vontade\b|\b(?:mais alguma coisa|algo mais|mais alguma dúvida)\b.{0,40}\?|\bespero (?:que "
        r"isso|ter)\b.{0,20}\bajud\w+|\bcomo posso (?:ajud|te ajud)\w*|\bavise-me\b|\bestou (?:aqui|à disposição)\b",
        r"^\W*(?:claro(?: que sim)?|com certeza|certamente|com prazer|olá|obrigad[oa]|sem problema|entendido|"
        r"naturalmente|perfeito|bom dia|está bem)\W*$",
        r"\bobrigad[oa] (?:pela|por|pelo)\b.{0,20}\b(?:pergunta|contato|contacto|interesse|perguntar)",
        r"\b(?:aqui está|segue) (?:a|sua|uma) (?:resposta|explicação)\b[^:]{0,25}\W*$|\bgostaria (?:que|de saber)\b.{0,60}\?",
    ),
    asks_about_form=pattern(
        r"\bquant[oa]s (?:\w+ )?(?:frases|parágrafos|títulos|colunas|linhas|palavras|capítulos|seções|secções|tabelas|"
        r"páginas|tópicos|notas|letras|entradas)\b.{0,60}\b(?:tem|há|contém|aparecem|existem|possui|texto|tabela|artigo|"
        r"documento|manual)\b",
        r"\b(?:primeir[oa]|últim[oa]|segund[oa]|terceir[oa]|penúltim[oa]) (?:frase|palavra|parágrafo|título|coluna|linha|"
        r"capítulo|tópico|entrada)\b",
        r"\b(?:qual|quais|que) (?:é o |é a )?(?:título|coluna|linha|subtítulo|cabeçalho|nota de rodapé)\b",
        r"\b(?:com|por|em) (?:que|qual) (?:palavra|frase|letra|ordem|parágrafo|coluna|revista|seção|secção|capítulo)\b.{0,60}"
        r"\b(?:começa|termina|inicia|aparece|menciona|descreve|encontra|publicou|trata|lista)\w*",
        r"\b(?:título|ordem|estrutura|número|cabeçalho) (?:da|do|das|dos) (?:\w+ )?(?:seção|secção|tabela|colunas?|linhas?|"
        r"capítulo|parágrafos?|artigo|lista|texto|frases)\b",
    ),
    writes_questions=pattern(
        r"\b(?:escreva|escreve|gere|gera|formule|crie|elabore) (?:uma|duas|três|\d+)(?: \w+)? perguntas?\b.{0,60}\b(?:texto|"
        r"trecho|tipo|base|sobre|partir)",
    ),
    yes_no=listed("sim não correto correcto verdadeiro falso certo exato"),
    pronouns=listed(
        "ele ela eles elas lhe lhes este esta estes estas isto esse essa esses essas isso aquele aquela seu sua seus suas "
        "dele dela deles delas ali lá"
    ),
    pointing=pattern(
        r"\b(?:n?este|n?esta|n?estes|n?estas|n?esse|n?essa|n?esses|n?essas|d?este|d?esta|d?esse|d?essa|tal) (?:caso|casos|coisa|"
        r"coisas|programa|empresa|sistema|regra|aparelho|produto|projeto|projecto|pessoa|pessoas|lugar|período|ano|valor|"
        r"número|método|passo|serviço|processo|procedimento|grupo|medida|data|situação|problema|último|última)\b",
    ),
    vague=listed(
        "dia dias semana semanas mês meses ano anos hora horas minuto minutos tempo vezes vez euro euros regra regras fazer faz funciona significa acontece importante caso precisa coisa coisas custa pagar razão número quantidade nome pessoa pessoas possível permitido"
    ),
    joins_questions=pattern(
        r"(?:,| e|;|\?) (?:e )?(?:a |de |em |por |para |com |desde |até )?(?=(?:o que|quando|onde|como|quanto|quanta|quantos|"
        r"quantas|qual|quais|quem)\b)",
        r" e (?=(?:é|são|pode|podem|há|deve|devem|está|tem) (?:o|a|os|as|um|uma|todos)\b)",
    ),
    unfinished=listed(
        "e ou o a os as um uma de do da dos das em no na com para por que mas é são se como seu sua sem quando porque nem "
        "ao à pelo pela será deve pode"
    ),
)
