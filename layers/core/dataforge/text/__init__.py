"""What can be seen in a text's surface, without a model: pure functions that recipes and quality share.

sentences      exact slices of Markdown-flavoured text
claims         content words, numbers with units, names, negated words
headings       a heading without mark-up and number; headings that name no subject
normal_forms   text as it is compared; text that can be stored
control_tokens the tokens of chat templates, found and escaped
languages      twelve languages: which one a text is in, function words, numerals, phrases
topic_labels   the topics that headings name, and which label a text means
"""
