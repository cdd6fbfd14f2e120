"""Looking after what was bought: settle it, check it, make it again, take it over, carry it elsewhere, clear away what is left.

One verb a file. `holdings` knows what journals still name in the state folder, for the verbs that carry it away or clear it up;
`strangers` knows results that no journal of ours bought, for the run that would buy them again.
"""
