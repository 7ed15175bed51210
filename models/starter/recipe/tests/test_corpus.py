"""What is learnt from, and what is not."""
import random
import unittest

from corpus import at_most
from duplicates import Duplicates, line_sketch, similarity
from filters import clean_text, wanted_path
from licence import classify

APACHE = "Apache License\nVersion 2.0, January 2004\n"
MIT = "Permission is hereby granted, free of charge, to any person"
BSD = "Redistribution and use in source and binary forms, with or without modification, are permitted"
SOURCE = "export function add(left: number, right: number): number {\n  return left + right;\n}\n" * 3


class CorpusTest(unittest.TestCase):
    def test_permissive_licences_have_names_and_others_have_none(self):
        self.assertEqual(classify(APACHE), "Apache-2.0")
        self.assertEqual(classify(MIT), "MIT")
        self.assertEqual(classify(BSD), "BSD-2-Clause")
        self.assertEqual(classify(BSD + "\nNeither the name of the author"), "BSD-3-Clause")
        self.assertEqual(classify("Permission to use, copy, modify, and distribute this software"), "ISC")
        for text in ("GNU General Public License\n" + MIT, "Business Source License 1.1", "All rights reserved.", ""):
            self.assertIsNone(classify(text))

    def test_paths_of_written_source_are_looked_at(self):
        for path in ("src/a.ts", "lib/b.PY", "docs/guide.md", "docs/en/guide.md", "package.json"):
            self.assertTrue(wanted_path(path, 5000), path)
        for path in ("node_modules/a.ts", "a/dist/b.js", "a.min.js", "package-lock.json", "data.json", "a.rs", "docs/de/guide.md", "CHANGELOG.md"):
            self.assertFalse(wanted_path(path, 5000), path)
        self.assertFalse(wanted_path("src/a.ts", 300_000))
        self.assertFalse(wanted_path("src/a.d.ts", 50_000))

    def test_texts_that_are_not_written_source_are_dropped(self):
        self.assertEqual(clean_text("a.ts", ("\ufeff" + SOURCE.replace("\n", "\r\n")).encode()), SOURCE)
        for text in (
            "// @generated\n" + SOURCE,
            "// SPDX-License-Identifier: GPL-3.0\n" + SOURCE,
            SOURCE + "-----BEGIN RSA PRIVATE KEY-----",
            SOURCE + "x" * 700,
            "é" * 20 + SOURCE,
            "1234567890," * 40,
            "short",
            SOURCE + "\0",
        ):
            self.assertIsNone(clean_text("a.ts", text.encode()), text[:30])
        self.assertIsNone(clean_text("a.ts", b"\xff" + SOURCE.encode()))

    def test_exact_and_near_duplicates_are_found_and_others_are_not(self):
        draw = random.Random(3)
        lines = [f"const value{i} = compute({draw.random()});" for i in range(200)]
        duplicates = Duplicates()
        self.assertIsNone(duplicates.kind("\n".join(lines)))
        self.assertEqual(duplicates.kind("\n\n".join(line.replace(" ", "  ") for line in lines)), "exact")
        self.assertEqual(duplicates.kind("\n".join(lines[:195] + ["let other = 1;"])), "near")
        self.assertIsNone(duplicates.kind("\n".join(line.replace("value", "entry") for line in lines)))

    def test_the_sketch_estimates_the_share_of_common_lines(self):
        errors = []
        for seed in range(40):
            common = [f"common line {seed} {i}" for i in range(100)]
            a, b = (line_sketch("\n".join(common + [f"{name} line {seed} {i}" for i in range(100)])) for name in "ab")
            errors.append(similarity(a, b) - 1 / 3)
        self.assertLess(abs(sum(errors) / len(errors)), 0.05)

    def test_thinning_keeps_to_the_limit_and_to_the_order(self):
        files = [(f"{i}.ts", "x" * (10 + i)) for i in range(50)]
        kept = at_most(files, 500)
        self.assertLessEqual(sum(len(text) for _, text in kept), 500)
        self.assertEqual(kept, [file for file in files if file in kept])
        self.assertEqual(kept, at_most(files, 500))
        self.assertEqual(at_most(files, 1e9), files)
