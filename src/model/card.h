#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "model/manifest.h"
#include "model/package.h"

namespace amas::model {

/// What a card says about the data behind a model, besides the manifest's lineage.
struct DatasetFacts {
  std::string name;
  std::string licence;  ///< as the owner of the data names it; empty: unknown
  std::uint64_t training_rows = 0;
  std::uint64_t validation_rows = 0;
  std::uint64_t test_rows = 0;
  std::map<std::string, std::uint64_t> label_rows;  ///< rows of each label, all parts together
  // Rows that were dropped before the parts were made, by why.
  std::uint64_t duplicates_dropped = 0;      ///< an equal one stood before them
  std::uint64_t contradictions_dropped = 0;  ///< equal texts carried different targets
  std::uint64_t empty_dropped = 0;           ///< no text
  std::uint64_t missing_target_dropped = 0;
  std::uint64_t rare_classes_dropped = 0;  ///< too few rows of their class
};

/// Renders card.md: a model card for people. Holds no time and no random number: the same facts give the same
/// bytes.
///
/// `facts`: null where nothing is known about the data.
/// Source: Mitchell et al. 2019, "Model Cards for Model Reporting".
std::string card_markdown(const Manifest& manifest, const DatasetFacts* facts);

/// Renders card.json: the same for programs, a CycloneDX 1.6 bill of materials with a model card. It has no
/// serial number and no timestamp, which the format allows, so that a package's digest depends on its content
/// only. Files that `manifest.files` lists come with their SHA-256.
std::string card_cyclonedx(const Manifest& manifest, const DatasetFacts* facts);

/// Adds card.md and card.json to the files of a package that is about to be sealed; the card names the
/// graphs' digests.
void add_cards(const Manifest& manifest, const DatasetFacts* facts, PackageFiles& files);

}  // namespace amas::model
