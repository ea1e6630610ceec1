#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/threads.h"
#include "cli/profile_text.h"
#include "cli/registered.h"
#include "cli/session.h"
#include "cli/usage.h"
#include "data/dataset.h"
#include "data/import.h"

namespace amas::cli {
namespace {

constexpr std::size_t kExampleRows = 3;
constexpr std::size_t kIndent = 2;  // of what is too long for its line

Status list_datasets(Session& session) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const auto datasets, store->datasets());
  Json documents = Json::array();
  std::vector<std::vector<std::string>> rows{{"DATASET", "VERSION", "ROWS", "DIGEST"}};
  for (const store::DatasetRecord& dataset : datasets) {
    documents.push_back({{"name", dataset.name},
                         {"version", dataset.version},
                         {"digest", dataset.digest},
                         {"detail", dataset.detail}});
    rows.push_back({dataset.name, std::to_string(dataset.version),
                    dump_json(dataset.detail.value("rows", Json())), dataset.digest.substr(0, 16)});
  }
  if (session.json) Session::print(documents);
  else
    print_text(rows.size() == 1 ? "No datasets yet; make one with `amas data import SPEC.yaml`.\n"
                                : format_table(rows));
  return {};
}

// A dataset by "name" (the newest version), or by "name@version".
Result<store::DatasetRecord> find_dataset(const store::Store& store, const std::string& name) {
  AMAS_TRY(const auto datasets, store.datasets());
  std::vector<std::string> known;
  const store::DatasetRecord* found = nullptr;
  for (const store::DatasetRecord& dataset : datasets) {
    known.push_back(fmt::format("{}@{}", dataset.name, dataset.version));
    if (dataset.name == name || known.back() == name) found = &dataset;
  }
  return found != nullptr ? Result<store::DatasetRecord>(*found) : unknown_name("dataset", name, known);
}

struct ShowOptions {
  std::string name;
  std::optional<std::int64_t> version;
};

Result<store::DatasetRecord> find_dataset(const store::Store& store, const ShowOptions& options) {
  if (!options.version) return find_dataset(store, options.name);
  if (options.name.find('@') != std::string::npos)
    return invalid_argument(fmt::format("the version is named twice: {} and --version {}; name it once",
                                        options.name, *options.version));
  return find_dataset(store, fmt::format("{}@{}", options.name, *options.version));
}

// Where the rows of a dataset come from and went; its detail is what the data step left.
std::string origin_text(const store::DatasetRecord& dataset) {
  return fmt::format("{} version {}: {}\ntext column {}; digest {}\n", coloured(printable(dataset.name), "1"),
                     dataset.version, printable(dataset.detail.value("summary", "")),
                     printable(dataset.detail.value("text", "")), dataset.digest);
}

Status show_dataset(Session& session, const ShowOptions& options) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const store::DatasetRecord found, find_dataset(*store, options));
  AMAS_TRY(const std::string text, store->get_blob(found.detail.value("profile", "")));
  AMAS_TRY(const Json profile, parse_json(text));
  if (session.json) {
    Session::print({{"name", found.name},
                    {"version", found.version},
                    {"digest", found.digest},
                    {"detail", found.detail},
                    {"profile", profile}});
    return {};
  }
  AMAS_TRY(const std::string bytes, store->get_blob(found.digest));
  AMAS_TRY(const table::Table examples, data::first_rows(bytes, kExampleRows));
  print_text(wrap_lines(origin_text(found), kIndent) + "\n" + profile_text(profile, examples));
  return {};
}

// Reads a source and says what is in it, without keeping anything.
Status look_at_source(Session& session, const std::string& path, const std::string& format) {
  AMAS_TRY(table::TableReader * reader, session.reader());
  data::ImportReport report;
  AMAS_TRY(const table::Table table, data::import_source({path, format, {}}, *reader, processors(), report));
  const Json profile = data::profile_table(table);
  if (session.json) {
    Session::print({{"rows", table.rows()}, {"files", report.files}, {"profile", profile}});
    return {};
  }
  std::vector<std::size_t> first;
  for (std::size_t row = 0; row < std::min(table.rows(), kExampleRows); ++row) first.push_back(row);
  std::string text = fmt::format("{}: {} in {}", coloured(printable(path), "1"),
                                 count_of(table.rows(), "row"), count_of(report.files, "file"));
  if (report.skipped_count > 0)
    text += fmt::format("; {} skipped, the first: {}", count_of(report.skipped_count, "file"),
                        printable(report.skipped.front()));
  print_text(wrap_lines(text, kIndent) + "\n\n" + profile_text(profile, table.take(first)));
  return {};
}

}  // namespace

void add_data_commands(CLI::App& data, Session& session, Action& action) {
  CLI::App* list = data.add_subcommand("list", "List datasets");
  list->footer("Examples:\n  amas data list\n  amas --json data list | jq '.[].digest'");
  list->callback([&] { action = [&session] { return list_datasets(session); }; });
  auto options = std::make_shared<ShowOptions>();
  CLI::App* show = data.add_subcommand("show", "Show a dataset: its columns, profile and parts");
  show->add_option("name", options->name, "Its name, or name@version")->required()->type_name("NAME");
  add_version_option(*show, options->version, "amas data list");
  show->footer("Examples:\n  amas data show spam\n  amas data show spam --version 1");
  show->callback([&session, &action, options] {
    action = [&session, options] { return show_dataset(session, *options); };
  });
  auto name = std::make_shared<std::string>(), format = std::make_shared<std::string>();
  CLI::App* look =
      data.add_subcommand("look", "Read a source and show its columns and profile; keeps nothing");
  look->add_option("source", *name, "A file, folder or glob")->required()->type_name("PATH");
  look->add_option("--format", *format, "csv, jsonl, parquet or mail [by the file's ending]")
      ->type_name("FORMAT");
  look->footer(
      "Examples:\n  amas data look mails.csv\n  amas data look 'mails/*.jsonl'\n  amas data look maildir "
      "--format mail");
  look->callback([&session, &action, name, format] {
    action = [&session, name, format] { return look_at_source(session, *name, *format); };
  });
}

}  // namespace amas::cli
