"""Committing layers: from staged_layer and staged_package.

Parameters: run, generation, fingerprints (the fingerprint set's integer), objects (integers of the objects that the
batch wrote; a layer that names its own has those instead).
"""

_LAYERS = """
INSERT INTO layer (digest, size, run) SELECT DISTINCT s.digest, s.size, %(run)s FROM staged_layer s
WHERE NOT EXISTS (SELECT FROM layer l WHERE l.digest = s.digest)
"""
_SIZES = """
UPDATE layer l SET size = s.size FROM staged_layer s WHERE s.digest = l.digest AND NOT s.failed AND l.size < 0
"""
_PACKAGES = """
INSERT INTO package (content_id, type, namespace, name, version, epoch, architecture, source_name, source_version, module,
    qualifiers, licences, role)
SELECT s.package, coalesce(s.type, ''), coalesce(s.namespace, ''), coalesce(s.name, ''), coalesce(s.version, ''), s.epoch,
    coalesce(s.architecture, ''), coalesce(s.source_name, ''), coalesce(s.source_version, ''), coalesce(s.module, ''),
    coalesce(s.qualifiers, ''), coalesce(s.licences, '{}'), coalesce(s.role, '')
FROM staged_package s WHERE NOT EXISTS (SELECT FROM package p WHERE p.content_id = s.package) ORDER BY s.package
"""
# Licences and role are no part of a package's identity: the first licences named stay, installed outweighs an application's own.
_PACKAGE_NOTES = """
UPDATE package p SET role = CASE WHEN s.role = 'installed' THEN s.role ELSE p.role END,
    licences = CASE WHEN p.licences = '{}' THEN coalesce(s.licences, '{}') ELSE p.licences END
FROM staged_package s WHERE s.package = p.content_id
AND ((s.role = 'installed' AND p.role <> 'installed') OR (p.licences = '{}' AND coalesce(s.licences, '{}') <> '{}'))
"""
RESULTS = """
INSERT INTO layer_result (layer, fingerprint_set, outcome, reason, detail, composition_hash, entries, packages, problems,
    tar_size, objects, generation)
SELECT l.id, %(fingerprints)s, s.outcome, s.reason, s.detail, s.composition_hash, s.entries, s.packages, s.problems,
    s.tar_size, CASE WHEN s.objects = '{}' THEN %(objects)s::int[] ELSE
        (SELECT array_agg(a.id ORDER BY a.id) FROM archive_file a WHERE a.key = ANY(s.objects)) END, %(generation)s
FROM staged_layer s JOIN layer l ON l.digest = s.digest WHERE NOT s.failed
ON CONFLICT (layer, fingerprint_set) DO NOTHING
"""
_RECOVERED = """
UPDATE layer l SET outcome = NULL, reason = '', detail = '', retry = NULL, verified = false, final = false,
    fingerprint_set = NULL, generation = NULL, run = %(run)s
FROM staged_layer s WHERE s.digest = l.digest AND NOT s.failed AND l.outcome IS NOT NULL
"""
_FAILED = """
UPDATE layer l SET outcome = 'failed', reason = s.reason, detail = s.detail, retry = s.retry, verified = s.verified,
    final = s.final, fingerprint_set = %(fingerprints)s, generation = %(generation)s, attempts = l.attempts + 1, run = %(run)s
FROM staged_layer s WHERE s.digest = l.digest AND s.failed
AND NOT EXISTS (SELECT FROM layer_result lr WHERE lr.layer = l.id AND lr.fingerprint_set = %(fingerprints)s)
"""
_LEASES = "DELETE FROM lease e USING staged_layer s WHERE s.digest = e.layer AND e.run = %(run)s"

PACKAGES = (_PACKAGES, _PACKAGE_NOTES)
"""The statements that take no parameter and need staged_package alone."""
ALL = (_LAYERS, _SIZES, *PACKAGES, RESULTS, _RECOVERED, _FAILED, _LEASES)
"""In this order."""
