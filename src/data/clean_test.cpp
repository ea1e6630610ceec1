#include "data/clean.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "crypto/digest.h"

namespace amas::data {
namespace {

using Strings = std::vector<std::string>;
using table::Column;
using table::Table;

Table labelled(Strings texts, Strings labels, std::vector<std::uint8_t> missing_labels = {}) {
  return Table::of({{"text", std::move(texts), {}}, {"label", std::move(labels), std::move(missing_labels)}})
      .value();
}

TEST(Clean, drops_duplicates_but_the_first_and_every_contradiction) {
  CleanReport report;
  const auto table = clean(labelled({"a", "b", "a", "c", "c", "d", "c"}, {"x", "y", "x", "x", "y", "x", "x"}),
                           {"label", {"text"}}, report);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("text")->strings(), (Strings{"a", "b", "d"}));
  EXPECT_EQ(report.rows_before, 7u);
  EXPECT_EQ(report.rows_after, 3u);
  EXPECT_EQ(report.duplicates, 1u);
  EXPECT_EQ(report.contradictions, 3u);
  EXPECT_EQ(report.contradiction_samples, (Strings{crypto::sha1_hex("c") + ": x, y"}));
}

TEST(Clean, keeps_duplicates_that_agree_when_asked) {
  CleanReport report;
  const auto table = clean(labelled({"a", "a", "b", "c", "c"}, {"x", "x", "y", "x", "y"}),
                           {"label", {"text"}, false}, report);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("text")->strings(), (Strings{"a", "a", "b"}));
  EXPECT_EQ(report.duplicates, 0u);
  EXPECT_EQ(report.contradictions, 2u);
}

TEST(Clean, drops_rows_without_target_or_features) {
  CleanReport report;
  const auto table = clean(labelled({"a", "b", " \t", "", "c"}, {"x", "", "x", "y", "y"}, {0, 1, 0, 0, 0}),
                           {"label", {"text"}}, report);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("text")->strings(), (Strings{"a", "c"}));
  EXPECT_EQ(report.missing_target, 1u);
  EXPECT_EQ(report.empty, 2u);
}

TEST(Clean, keeps_classes_that_are_named_like_nothing) {
  CleanReport report;
  const auto table =
      clean(labelled({"a", "b", "c", "d"}, {"None", "NA", "nan", ""}), {"label", {"text"}}, report);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->rows(), 4u);
  EXPECT_EQ(report.missing_target, 0u);
}

TEST(Clean, samples_at_most_five_contradictions) {
  Strings texts, labels;
  for (int i = 0; i < 8; ++i)
    for (const char* label : {"x", "y"}) texts.push_back(fmt::format("t{}", i)), labels.emplace_back(label);
  texts.insert(texts.end(), {"p", "q"});
  labels.insert(labels.end(), {"x", "y"});
  CleanReport report;
  ASSERT_TRUE(clean(labelled(texts, labels), {"label", {"text"}}, report));
  EXPECT_EQ(report.contradictions, 16u);
  EXPECT_EQ(report.contradiction_samples.size(), 5u);
}

TEST(Clean, works_without_a_target_and_on_several_columns_of_any_type) {
  const Table raw = Table::of({{"n", std::vector<std::int64_t>{1, 1, 1, 0}, {0, 0, 0, 1}},
                               {"s", Strings{"a", "a", "b", ""}, {}},
                               {"d", std::vector<double>{0.5, 0.5, 0.5, 0}, {0, 0, 0, 1}}})
                        .value();
  CleanReport report;
  const auto table = clean(raw, {"", {"n", "s", "d"}}, report);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->rows(), 2u);
  EXPECT_EQ(report.duplicates, 1u);
  EXPECT_EQ(report.empty, 1u);
  EXPECT_EQ(row_key({raw.find("n"), raw.find("s"), raw.find("d")}, 2),
            "1\x1f"
            "b\x1f"
            "0.5");
  EXPECT_EQ(row_key({raw.find("n"), raw.find("s")}, 3), "\x1f");
}

TEST(Clean, names_every_kind_of_row_that_was_dropped) {
  CleanReport report;
  EXPECT_EQ(dropped_text(report), "nothing dropped");
  ASSERT_TRUE(clean(labelled({"a", "a", "b", "c", "c", "", " ", "d"}, {"x", "x", "y", "x", "y", "x", "y", ""},
                             {0, 0, 0, 0, 0, 0, 0, 1}),
                    {"label", {"text"}}, report));
  EXPECT_EQ(dropped_text(report),
            "dropped 1 duplicate, 2 contradictions, 2 empty texts, 1 row without target");
  report.rare_classes = 3;
  EXPECT_TRUE(dropped_text(report).ends_with(", 3 rows of rare classes"));
}

TEST(Clean, says_why_no_row_is_left) {
  CleanReport report;
  EXPECT_EQ(clean(labelled({"a", "a"}, {"x", "y"}), {"label", {"text"}}, report).error().code,
            Code::kFailedPrecondition);
  EXPECT_EQ(report.contradictions, 2u);
  EXPECT_NE(clean(labelled({" ", "a"}, {"x", ""}, {0, 1}), {"label", {"text"}}, report)
                .error()
                .message.find("2 rows, dropped 1 empty text, 1 row without target"),
            std::string::npos);
  EXPECT_EQ(clean(Table(), {"", {}}, report).error().code, Code::kFailedPrecondition);
  const Error misspelt = clean(labelled({"a"}, {"x"}), {"lable", {"text"}}, report).error();
  EXPECT_EQ(misspelt.code, Code::kInvalidArgument);
  EXPECT_NE(misspelt.message.find("did you mean \"label\""), std::string::npos);
  EXPECT_EQ(clean(labelled({"a"}, {"x"}), {"label", {"txt"}}, report).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas::data
