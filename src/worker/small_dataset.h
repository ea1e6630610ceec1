#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "worker/job.h"

/// For tests: a dataset of some hundred short texts.
namespace amas::worker {

/// Texts of eight words, "late" if "alpha" stands behind "beta"; every fifth row is for validation, every
/// seventh for test, and each test row carries a word of its own.
inline data::Dataset small_dataset(std::size_t rows) {
  const std::vector<std::string> noise = {"one", "two", "three", "four", "five", "six", "seven"};
  std::mt19937 random(3);
  std::vector<std::string> texts, labels;
  data::Split split;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<std::string> words;
    for (int i = 0; i < 6; ++i) words.push_back(noise[random() % noise.size()]);
    const bool late = random() % 2 == 1;
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(random() % 4), late ? "beta" : "alpha");
    words.insert(words.begin() + 4 + static_cast<std::ptrdiff_t>(random() % 3), late ? "alpha" : "beta");
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    const bool test = row % 7 == 3;
    (test ? split.test : row % 5 == 0 ? split.validation : split.training).push_back(row);
    texts.push_back(test ? text + " secret" + std::to_string(row) : text);
    labels.emplace_back(late ? "late" : "early");
  }
  return {table::Table::of({{"body", texts, {}}, {"label", labels, {}}}).value(), split};
}

/// A job on this dataset in `folder`, which trains an LSTM for some epochs; kind "linear": costs.
inline Json small_job(const fs::path& folder, std::string_view type = "lstm") {
  const fs::path dataset = folder / "dataset.jsonl";
  EXPECT_TRUE(write_file_atomic(dataset, data::to_bytes(small_dataset(300))));
  Json text_step = {
      {"type", "tokens"}, {"vocabulary", 50}, {"oov", "<OOV>"}, {"length", 10}, {"padding", "pre"}};
  Json candidate = {{"type", type},   {"vocabulary", 50}, {"length", 10},
                    {"embedding", 8}, {"units", 8},       {"dropout", 0.1}};
  if (type == "linear") {
    text_step = {{"type", "tfidf"}, {"ngrams", 2}};
    candidate = {{"type", type}, {"c", {1, 16}}};
  }
  return {
      {"kind", "train"},
      {"dataset", dataset.string()},
      {"text", "body"},
      {"target", "label"},
      {"text_step", text_step},
      {"candidate", candidate},
      {"train", {{"epochs", 6}, {"batch_size", 16}, {"patience", 0}, {"metric", "log_loss"}, {"seed", 7}}},
      {"folder", (folder / "run").string()},
      {"tensorboard", (folder / "events").string()},
      {"spec_text", "name: small"}};
}

}  // namespace amas::worker
