#include "data/import.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>

#include "base/file.h"
#include "crypto/digest.h"
#include "data/source_files.h"
#include "data/stack.h"

namespace amas::data {
namespace {

using table::Column;
using table::Table;

Table table_of(std::vector<Column> columns) { return Table::of(std::move(columns)).value(); }

/// Gives tables that a test has laid ready, by file name.
class FakeReader final : public table::TableReader {
 public:
  Result<Table> read(const std::string& path, std::string_view format) override {
    formats.emplace_back(format);
    const auto found = tables.find(fs::path(path).filename().string());
    if (found == tables.end()) return invalid_argument("line 3: the row is ragged").at(path);
    return found->second;
  }
  std::string version() const override { return "fake 1"; }

  std::map<std::string, Table> tables;
  std::vector<std::string> formats;
};

/// A folder with files, a reader, and what the last import reported.
class Import : public testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) {
    const fs::path path = folder.path() / name;
    ASSERT_TRUE(make_folder(path.parent_path()));
    std::ofstream(path, std::ios::binary) << content;
  }
  Source source(const std::string& below = "", const std::string& format = "") {
    return {(folder.path() / below).string(), format, {}};
  }
  Result<Table> import(const Source& from, std::size_t threads = 2) {
    return import_source(from, reader, threads, report);
  }
  void put_mails() {
    put("ham/1.txt", "Subject: one\n\nfirst body\n");
    put("ham/2.txt", "Subject: two\n\n");
    put("spam/1.txt", "To: x\n\nbuy now\n");
    put("spam/deep/3.txt", "Subject: three\n\nthird\n");
    put("spam/list.json", "{\"no\": \"mail\"}");
    put("spam/.hidden", "Subject: hidden\n\nx\n");
  }

  TemporaryFolder folder;
  FakeReader reader;
  ImportReport report;
};

TEST_F(Import, reads_a_folder_of_mail_in_bytewise_order_with_its_folders_as_labels) {
  put_mails();
  const auto table = import(source());
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->find("file")->strings(),
            (std::vector<std::string>{"ham/1.txt", "ham/2.txt", "spam/1.txt", "spam/deep/3.txt"}));
  EXPECT_EQ(table->find("label")->strings(), (std::vector<std::string>{"ham", "ham", "spam", "deep"}));
  EXPECT_EQ(table->find("subject")->strings(), (std::vector<std::string>{"one", "two", "", "three"}));
  EXPECT_EQ(table->find("body")->strings(), (std::vector<std::string>{"first body", "", "buy now", "third"}));
  EXPECT_EQ(table->find("text")->strings(),
            (std::vector<std::string>{"one first body", "two", "buy now", "three third"}));
  EXPECT_EQ(report.rows, 4u);
  EXPECT_EQ(report.files, 5u);
  EXPECT_EQ(report.skipped_count, 1u);
  ASSERT_EQ(report.skipped.size(), 1u);
  EXPECT_TRUE(report.skipped[0].starts_with("spam/list.json: not a mail")) << report.skipped[0];
}

TEST_F(Import, labels_by_the_first_pattern_that_fits_and_leaves_out_the_rest) {
  put_mails();
  Source from = source("", "mail");
  from.labels = {{"*am/1*", "first"}, {"spam/*.txt", "bad"}};
  const auto table = import(from);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->find("file")->strings(),
            (std::vector<std::string>{"ham/1.txt", "spam/1.txt", "spam/deep/3.txt"}));
  EXPECT_EQ(table->find("label")->strings(), (std::vector<std::string>{"first", "first", "bad"}));
  from.labels = {{"nothing*", "x"}};
  EXPECT_EQ(import(from).error().code, Code::kNotFound);
}

TEST_F(Import, reads_what_a_glob_names) {
  put_mails();
  const auto names = [&](const std::string& glob) {
    const auto files = source_files((folder.path() / glob).string());
    std::vector<std::string> found;
    if (files)
      for (const SourceFile& file : *files) found.push_back(file.name);
    return found;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names("*/*.txt"), (Names{"ham/1.txt", "ham/2.txt", "spam/1.txt"}));
  EXPECT_EQ(names("**/[13].txt"), (Names{"ham/1.txt", "spam/1.txt", "spam/deep/3.txt"}));
  EXPECT_EQ(names("spam/**/*.txt"), (Names{"1.txt", "deep/3.txt"}));
  EXPECT_EQ(names("**"), (Names{}));
  EXPECT_EQ(names("ham/?.txt"), (Names{"1.txt", "2.txt"}));
  EXPECT_EQ(names("ham/1.txt"), (Names{"1.txt"}));
  EXPECT_EQ(names("spam/.h*"), (Names{".hidden"}));
  put("odd[1].csv", "a\n1\n");
  EXPECT_EQ(names("odd[1].csv"), (Names{"odd[1].csv"}));
}

TEST_F(Import, takes_regular_files_only) {
  put("box/1.eml", "Subject: one\n\nbody\n");
  ASSERT_EQ(::mkfifo((folder.path() / "box/pipe.eml").c_str(), 0600), 0);
  fs::create_directory_symlink(folder.path(), folder.path() / "box/loop");
  const auto table = import(source("box"));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->rows(), 1u);
  EXPECT_EQ(import(source("box/pipe.eml")).error().code, Code::kInvalidArgument);
}

TEST_F(Import, gives_the_same_table_and_digest_whatever_the_number_of_threads) {
  for (int i = 0; i < 150; ++i)
    put("m/" + std::to_string(i), "Subject: s" + std::to_string(i) + "\n\n" + std::string(i, 'x') + "\n");
  const auto one = import(source("m"), 1);
  const ImportReport first = report;
  const auto many = import(source("m"), 8);
  ASSERT_TRUE(one && many);
  EXPECT_EQ(one->find("text")->strings(), many->find("text")->strings());
  EXPECT_EQ(first.source_digest, report.source_digest);
  EXPECT_EQ(first.bytes, report.bytes);
}

TEST_F(Import, tells_its_progress_up_to_the_last_file) {
  for (int i = 0; i < 130; ++i) put("m/" + std::to_string(i), "Subject: s\n\nb\n");
  std::vector<std::uint64_t> done;
  const auto table =
      import_source(source("m"), reader, 4, report, [&](std::uint64_t files, std::uint64_t all) {
        EXPECT_EQ(all, 130u);
        done.push_back(files);
      });
  EXPECT_TRUE(table);
  EXPECT_EQ(done, (std::vector<std::uint64_t>{64, 128, 130}));
}

TEST_F(Import, digests_names_and_contents_without_parsing) {
  put("m/a", "Subject: s\n\n1\n");
  put("m/b", "no mail at all");
  ASSERT_TRUE(import(source("m")));
  const std::string lines =
      crypto::sha256_hex("Subject: s\n\n1\n") + "  a\n" + crypto::sha256_hex("no mail at all") + "  b\n";
  EXPECT_EQ(report.source_digest, crypto::sha256_hex(lines));
  EXPECT_EQ(source_digest(source("m")).value(), report.source_digest);
  fs::rename(folder.path() / "m/b", folder.path() / "m/c");
  EXPECT_NE(source_digest(source("m")).value(), report.source_digest);
  put("m/c", "no mail at al");
  EXPECT_NE(source_digest(source("m")).value(), report.source_digest);
}

TEST_F(Import, stacks_the_tables_of_several_files) {
  put("t/1.csv", "1");
  put("t/2.csv", "2");
  put("t/readme.md", "not a table");
  reader.tables["1.csv"] = table_of(
      {{"x", std::vector<std::int64_t>{1, 0}, {0, 1}}, {"y", std::vector<std::string>{"a", "b"}, {}}});
  reader.tables["2.csv"] =
      table_of({{"x", std::vector<double>{2.5}, {}}, {"y", std::vector<std::int64_t>{0}, {1}}});
  const auto table = import(source("t", "csv"));
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(std::get<std::vector<double>>(table->find("x")->cells), (std::vector<double>{1, 0, 2.5}));
  EXPECT_EQ(table->find("x")->missing, (std::vector<std::uint8_t>{0, 1, 0}));
  EXPECT_EQ(table->find("y")->strings(), (std::vector<std::string>{"a", "b", ""}));
  EXPECT_EQ(table->find("y")->missing, (std::vector<std::uint8_t>{0, 0, 1}));
  EXPECT_EQ(report.rows, 3u);
  EXPECT_EQ(report.bytes, 2u);
  EXPECT_EQ(report.source_digest, source_digest(source("t", "csv")).value());
}

TEST_F(Import, refuses_files_whose_columns_differ) {
  put("t/1.csv", "1");
  put("t/2.csv", "2");
  const auto with = [&](std::vector<Column> second) {
    reader.tables["1.csv"] = table_of({{"x", std::vector<std::int64_t>{1}, {}}});
    reader.tables["2.csv"] = table_of(std::move(second));
    return import(source("t/*.csv")).error();
  };
  EXPECT_EQ(with({{"z", std::vector<std::int64_t>{1}, {}}}).code, Code::kFailedPrecondition);
  EXPECT_NE(
      with({{"z", std::vector<std::int64_t>{1}, {}}}).message.find("column 1 is \"z\" here and \"x\" before"),
      std::string::npos);
  EXPECT_EQ(with({{"x", std::vector<std::int64_t>{1}, {}}, {"z", std::vector<std::int64_t>{1}, {}}}).code,
            Code::kFailedPrecondition);
  EXPECT_NE(with({{"x", std::vector<std::string>{"1"}, {}}}).message.find("is string here and int64 before"),
            std::string::npos);
}

TEST_F(Import, takes_the_format_from_the_ending) {
  for (const char* name : {"a.csv", "a.tsv", "a.jsonl", "a.ndjson", "a.parquet"}) {
    put(name, "x");
    reader.tables[name] = table_of({{"x", std::vector<std::int64_t>{1}, {}}});
    EXPECT_TRUE(import(source(name))) << name;
  }
  EXPECT_EQ(reader.formats, (std::vector<std::string>{"csv", "csv", "jsonl", "jsonl", "parquet"}));
  put("a.eml", "Subject: s\n\nb\n");
  EXPECT_EQ(import(source("a.eml"))->rows(), 1u);
  put("a.xls", "x");
  EXPECT_EQ(import(source("a.xls")).error().code, Code::kInvalidArgument);
}

TEST_F(Import, says_what_is_wrong_with_a_source) {
  put("bad.csv", "x");
  put("empty/keep.json", "{}");
  reader.tables["none.csv"] = table_of({{"x", std::vector<std::int64_t>{}, {}}});
  put("none.csv", "x\n");
  EXPECT_EQ(import(source("nowhere.csv")).error().code, Code::kNotFound);
  EXPECT_EQ(import(source("nowhere/*.csv")).error().code, Code::kNotFound);
  EXPECT_EQ(import(source("*.jsonl")).error().code, Code::kNotFound);
  EXPECT_EQ(import(Source{}).error().code, Code::kInvalidArgument);
  const Error misspelt = import(source("bad.csv", "csvv")).error();
  EXPECT_EQ(misspelt.code, Code::kInvalidArgument);
  EXPECT_NE(misspelt.message.find("did you mean \"csv\""), std::string::npos);
  EXPECT_NE(import(source("bad.csv")).error().message.find("line 3"), std::string::npos);
  EXPECT_EQ(import(source("bad.csv")).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(import(source("empty")).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(import(source("none.csv")).error().code, Code::kFailedPrecondition);
  EXPECT_NE(import(source("none.csv")).error().message.find("has no rows"), std::string::npos);
  put("tables/1.csv", "x");
  put("tables/2.csv", "x");
  const Error folder_of_tables = import(source("tables")).error();
  EXPECT_EQ(folder_of_tables.code, Code::kInvalidArgument);
  EXPECT_NE(
      folder_of_tables.message.find("set format to csv, or name the files: " + source("tables/*.csv").path),
      std::string::npos)
      << folder_of_tables.message;
  EXPECT_EQ(import(source("empty", "csv")).error().code, Code::kNotFound);
}

TEST_F(Import, checks_that_a_source_is_there_without_reading_it) {
  put("bad.csv", "x");
  put("empty/keep.json", "{}");
  EXPECT_TRUE(check_source(source("bad.csv")));
  EXPECT_TRUE(check_source(source("*.csv", "csv")));
  EXPECT_EQ(check_source(source("nowhere.csv")).error().code, Code::kNotFound);
  EXPECT_EQ(check_source(source("empty", "csv")).error().code, Code::kNotFound);
  EXPECT_EQ(check_source(source("bad.csv", "csvv")).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(reader.formats.empty());
}

}  // namespace
}  // namespace amas::data
