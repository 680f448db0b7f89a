"""Committing compositions, first part: platforms, package sets and chains.

From staged_chain (a chain each), staged_chain_set (its sets, and whether they are owned), staged_set (a member each),
staged_composed and staged_outcome. Parameters: generation, objects (integers of the chains' objects), facts (those of them
that only chains with an image at their end have rows in).
"""

UNKNOWN = """
SELECT 'image', s.digest FROM staged_outcome s WHERE NOT EXISTS (SELECT FROM image i WHERE i.digest = s.digest)
UNION ALL
SELECT 'layer', s.layer FROM staged_chain s WHERE NOT EXISTS (SELECT FROM layer l WHERE l.digest = s.layer)
UNION ALL
SELECT 'package', encode(s.package, 'hex') FROM staged_set s
WHERE NOT EXISTS (SELECT FROM package p WHERE p.content_id = s.package)
UNION ALL
SELECT 'package set', encode(s.set, 'hex') FROM staged_chain_set s
WHERE NOT EXISTS (SELECT FROM package_set k WHERE k.content_id = s.set AND k.generation IS NOT NULL)
AND NOT EXISTS (SELECT FROM staged_set n WHERE n.set = s.set)
UNION ALL
SELECT 'chain', encode(s.parent, 'hex') FROM staged_chain s WHERE s.parent IS NOT NULL
AND NOT EXISTS (SELECT FROM chain c WHERE c.content_id = s.parent)
AND NOT EXISTS (SELECT FROM staged_chain n WHERE n.content_id = s.parent)
UNION ALL
SELECT 'chain', encode(s.chain, 'hex') FROM staged_composed s WHERE s.chain <> ''
AND NOT EXISTS (SELECT FROM chain c WHERE c.content_id = s.chain AND c.generation IS NOT NULL)
AND NOT EXISTS (SELECT FROM staged_chain n WHERE n.content_id = s.chain)
LIMIT 1
"""
"""What the composition names and no commit brought: (kind, name) of the first, or no row."""

_PLATFORMS = """
INSERT INTO platform (content_id, distribution, version, name)
SELECT DISTINCT ON (s.platform) s.platform, s.distribution, s.version, s.name FROM staged_chain s
WHERE s.platform IS NOT NULL AND NOT EXISTS (SELECT FROM platform p WHERE p.content_id = s.platform) ORDER BY s.platform, s.name
"""
_SETS_AGAIN = """
UPDATE package_set k SET generation = %(generation)s WHERE k.generation IS NULL AND k.content_id IN (SELECT set FROM staged_set)
"""
_SETS = """
INSERT INTO package_set (content_id, type, platform, members, generation)
SELECT s.set, min(s.type), min(f.id), array_agg(DISTINCT p.id ORDER BY p.id), %(generation)s
FROM staged_set s JOIN package p ON p.content_id = s.package LEFT JOIN platform f ON f.content_id = s.platform
WHERE NOT EXISTS (SELECT FROM package_set k WHERE k.content_id = s.set) GROUP BY s.set ORDER BY s.set
"""
_CHAIN_FACTS = """
CREATE TEMPORARY TABLE chain_facts ON COMMIT DROP AS
SELECT s.content_id, s.parent, l.id AS layer, f.id AS platform, s.packages,
    coalesce((SELECT array_agg(k.id ORDER BY k.id) FROM staged_chain_set m JOIN package_set k ON k.content_id = m.set
              WHERE m.chain = s.content_id AND NOT m.owned), '{}') AS sets,
    coalesce((SELECT array_agg(k.id ORDER BY k.id) FROM staged_chain_set m JOIN package_set k ON k.content_id = m.set
              WHERE m.chain = s.content_id AND m.owned), '{}') AS owned_sets
FROM staged_chain s JOIN layer l ON l.digest = s.layer LEFT JOIN platform f ON f.content_id = s.platform
"""
_CHAINS_AGAIN = """
UPDATE chain c SET platform = s.platform, packages = s.packages, sets = s.sets, owned_sets = s.owned_sets,
    objects = %(objects)s::int[], generation = %(generation)s
FROM chain_facts s WHERE s.content_id = c.content_id AND c.generation IS NULL
"""
# A chain that was so far only the lower part of others: now an image ends there, and its sets are known.
_CHAINS_WHOLE = """
UPDATE chain c SET platform = s.platform, packages = s.packages, sets = s.sets, owned_sets = s.owned_sets,
    objects = ARRAY(SELECT DISTINCT unnest(c.objects || %(facts)s::int[]) ORDER BY 1), generation = %(generation)s
FROM chain_facts s WHERE s.content_id = c.content_id AND c.packages IS NULL AND s.packages IS NOT NULL
"""
_CHAINS = """
INSERT INTO chain (content_id, parent, layer, platform, packages, sets, owned_sets, objects, generation)
SELECT s.content_id, p.id, s.layer, s.platform, s.packages, s.sets, s.owned_sets, %(objects)s::int[], %(generation)s
FROM chain_facts s LEFT JOIN chain p ON p.content_id = s.parent
WHERE NOT EXISTS (SELECT FROM chain c WHERE c.content_id = s.content_id) ORDER BY s.content_id
"""
# Of those that came together.
_PARENTS = """
UPDATE chain c SET parent = p.id FROM staged_chain s JOIN chain p ON p.content_id = s.parent
WHERE c.content_id = s.content_id AND c.parent IS DISTINCT FROM p.id
"""

ALL = (_PLATFORMS, _SETS_AGAIN, _SETS, _CHAIN_FACTS, _CHAINS_AGAIN, _CHAINS_WHOLE, _CHAINS, _PARENTS)
"""In this order."""
