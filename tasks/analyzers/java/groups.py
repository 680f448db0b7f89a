"""The groups of well-known artifacts whose archives do not tell them: those that Gradle or Ant built without Maven's files.

Facts of the projects' own publications, longest names first where one begins another. Nothing is guessed: an artifact
that is not listed, and whose archive names no group, has none.
"""

from __future__ import annotations

import re

_NAMES = {
    "antlr": "antlr",
    "ant": "org.apache.ant",
    "ant-launcher": "org.apache.ant",
    "aopalliance": "aopalliance",
    "apiguardian-api": "org.apiguardian",
    "aspectjrt": "org.aspectj",
    "aspectjtools": "org.aspectj",
    "aspectjweaver": "org.aspectj",
    "caffeine": "com.github.ben-manes.caffeine",
    "cglib": "cglib",
    "cglib-nodep": "cglib",
    "checker-qual": "org.checkerframework",
    "guice": "com.google.inject",
    "h2": "com.h2database",
    "hsqldb": "org.hsqldb",
    "javax.inject": "javax.inject",
    "jcommander": "com.beust",
    "jstl": "javax.servlet",
    "jsr305": "com.google.code.findbugs",
    "junit": "junit",
    "kafka-clients": "org.apache.kafka",
    "kafka-streams": "org.apache.kafka",
    "kafka-server-common": "org.apache.kafka",
    "kafka-raft": "org.apache.kafka",
    "kafka-storage": "org.apache.kafka",
    "kafka-metadata": "org.apache.kafka",
    "log4j": "log4j",
    "logging-interceptor": "com.squareup.okhttp3",
    "lombok": "org.projectlombok",
    "mockwebserver": "com.squareup.okhttp3",
    "moshi": "com.squareup.moshi",
    "mssql-jdbc": "com.microsoft.sqlserver",
    "mysql-connector-j": "com.mysql",
    "mysql-connector-java": "mysql",
    "mariadb-java-client": "org.mariadb.jdbc",
    "ognl": "ognl",
    "okhttp": "com.squareup.okhttp3",
    "okio": "com.squareup.okio",
    "okio-jvm": "com.squareup.okio",
    "opensearch": "org.opensearch",
    "opentest4j": "org.opentest4j",
    "oro": "oro",
    "reactive-streams": "org.reactivestreams",
    "reactor-core": "io.projectreactor",
    "reactor-test": "io.projectreactor",
    "retrofit": "com.squareup.retrofit2",
    "serializer": "xalan",
    "servlet-api": "javax.servlet",
    "spring-amqp": "org.springframework.amqp",
    "spring-rabbit": "org.springframework.amqp",
    "spring-kafka": "org.springframework.kafka",
    "spring-hateoas": "org.springframework.hateoas",
    "spring-retry": "org.springframework.retry",
    "spring-plugin-core": "org.springframework.plugin",
    "velocity": "org.apache.velocity",
    "wsdl4j": "wsdl4j",
    "xalan": "xalan",
    "xercesImpl": "xerces",
    "xml-apis": "xml-apis",
    "xmlbeans": "org.apache.xmlbeans",
}
_BEGINNINGS = {
    "akka-": "com.typesafe.akka",
    "elasticsearch-rest-": "org.elasticsearch.client",
    "elasticsearch": "org.elasticsearch",
    "grpc-": "io.grpc",
    "guice-": "com.google.inject.extensions",
    "junit-jupiter": "org.junit.jupiter",
    "junit-platform-": "org.junit.platform",
    "junit-vintage-": "org.junit.vintage",
    "kafka_": "org.apache.kafka",
    "kotlin-": "org.jetbrains.kotlin",
    "kotlinx-": "org.jetbrains.kotlinx",
    "ktor-": "io.ktor",
    "lucene-": "org.apache.lucene",
    "micrometer-": "io.micrometer",
    "mockito-": "org.mockito",
    "okhttp-": "com.squareup.okhttp3",
    "ojdbc": "com.oracle.database.jdbc",
    "opensearch-": "org.opensearch",
    "opentelemetry-": "io.opentelemetry",
    "poi-": "org.apache.poi",
    "reactor-netty": "io.projectreactor.netty",
    "scala-": "org.scala-lang",
    "solr-": "org.apache.solr",
    "spring-batch-": "org.springframework.batch",
    "spring-boot": "org.springframework.boot",
    "spring-cloud-": "org.springframework.cloud",
    "spring-data-": "org.springframework.data",
    "spring-integration-": "org.springframework.integration",
    "spring-ldap-": "org.springframework.ldap",
    "spring-security-": "org.springframework.security",
    "spring-session-": "org.springframework.session",
    "spring-ws-": "org.springframework.ws",
    "tomcat-": "org.apache.tomcat",
    "tomcat-embed-": "org.apache.tomcat.embed",
}
_PATTERNS = (
    (
        re.compile(
            r"spring-(?:aop|aspects|beans|context(?:-indexer|-support)?|core(?:-test)?|expression|instrument|jcl|jdbc|jms"
            r"|messaging|orm|oxm|r2dbc|test|tx|web|webflux|webmvc(?:-portlet)?|websocket)\Z"
        ),
        "org.springframework",
    ),
    (re.compile(r"bc(?:prov|pkix|pg|mail|jmail|tls|util|tsp|-fips)(?:-.+)?\Z"), "org.bouncycastle"),
    (
        re.compile(
            r"commons-(?:beanutils|chain|codec|collections|configuration|dbcp|digester|discovery|el|fileupload|httpclient|io"
            r"|jexl|lang|launcher|logging|math|modeler|net|pool|validator|cli)\Z"
        ),
        r"\g<0>",
    ),
)
_BY_VERSION = {
    "groovy": (("4.", "5."), "org.apache.groovy", "org.codehaus.groovy"),
    "rxjava": (("3.",), "io.reactivex.rxjava3", "io.reactivex.rxjava2"),
    "dom4j": (("2.",), "org.dom4j", "dom4j"),
    "asm": (("1.", "2.", "3."), "asm", "org.ow2.asm"),
}
"""Artifacts that moved: beginnings of the versions that are in the first group, all others are in the second."""
_MOVED_FAMILIES = frozenset({"asm", "groovy"})
"""Of these, modules (`asm-tree`) moved with the first one."""

_LONGEST_FIRST = sorted(_BEGINNINGS, key=len, reverse=True)
_TOMCAT_TITLE = "Apache Tomcat"
_NO_TOMCAT_ARTIFACTS = frozenset({"bootstrap", "commons-daemon", "ecj"})


def known_group(artifact: str, version: str = "") -> str:
    """The group of a well-known artifact; empty for any other.

    Args:
        artifact: its name.
        version: decides where an artifact moved from one group to another.
    """
    family = artifact.partition("-")[0]
    moved = family if family in _MOVED_FAMILIES else artifact
    if moved in _BY_VERSION:
        versions, group, other = _BY_VERSION[moved]
        return group if version.startswith(versions) else other
    if artifact in _NAMES:
        return _NAMES[artifact]
    for pattern, group in _PATTERNS:
        match = pattern.match(artifact)
        if match:
            return match.expand(group)
    return next((_BEGINNINGS[beginning] for beginning in _LONGEST_FIRST if artifact.startswith(beginning)), "")


def tomcat_artifact(title: str, name: str) -> str:
    """What Maven calls an archive of a Tomcat installation, where it has its short name (`catalina.jar`); else the name.

    Args:
        title: `Implementation-Title` of its manifest.
        name: the archive's file name without its extension.
    """
    if title != _TOMCAT_TITLE or name.startswith("tomcat-") or name in _NO_TOMCAT_ARTIFACTS:
        return name
    return f"tomcat-{name}"
