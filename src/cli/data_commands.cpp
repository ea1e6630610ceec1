#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/threads.h"
#include "cli/profile_text.h"
#include "cli/session.h"
#include "data/dataset.h"
#include "data/import.h"

namespace amas::cli {
namespace {

constexpr std::size_t kExampleRows = 3;

Status list_datasets(Session& session) {
  AMAS_TRY(store::Store * store, session.store());
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

Result<store::DatasetRecord> find_dataset(store::Store& store, const std::string& name) {
  AMAS_TRY(const auto datasets, store.datasets());
  std::vector<std::string> names;
  const store::DatasetRecord* found = nullptr;
  for (const store::DatasetRecord& dataset : datasets) {
    if (dataset.name == name || fmt::format("{}@{}", dataset.name, dataset.version) == name) found = &dataset;
    names.push_back(dataset.name);
  }
  if (found != nullptr) return *found;
  const auto near = nearest(name, names);
  return not_found(fmt::format("no such dataset: {}{}; see `amas data list`", name,
                               near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
}

// Where the rows of a dataset come from and went; its detail is what the data step left.
std::string origin_text(const store::DatasetRecord& dataset) {
  return fmt::format("{} version {}: {}\ntext column {}; digest {}\n", coloured(printable(dataset.name), "1"),
                     dataset.version, printable(dataset.detail.value("summary", "")),
                     printable(dataset.detail.value("text", "")), dataset.digest);
}

Status show_dataset(Session& session, const std::string& name) {
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const store::DatasetRecord found, find_dataset(*store, name));
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
  print_text(origin_text(found) + "\n" + profile_text(profile, examples));
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
  print_text(text + "\n\n" + profile_text(profile, table.take(first)));
  return {};
}

}  // namespace

void add_data_commands(CLI::App& data, Session& session, Action& action) {
  data.add_subcommand("list", "List datasets")->callback([&] {
    action = [&session] { return list_datasets(session); };
  });
  auto name = std::make_shared<std::string>(), format = std::make_shared<std::string>();
  CLI::App* show = data.add_subcommand("show", "Show a dataset: its columns, profile and parts");
  show->add_option("name", *name, "Its name, or name@version")->required();
  show->callback(
      [&session, &action, name] { action = [&session, name] { return show_dataset(session, *name); }; });
  CLI::App* look =
      data.add_subcommand("look", "Read a source and show its columns and profile; keeps nothing");
  look->add_option("source", *name, "A file, folder or glob")->required();
  look->add_option("--format", *format, "csv, jsonl, parquet or mail [by the file's ending]");
  look->callback([&session, &action, name, format] {
    action = [&session, name, format] { return look_at_source(session, *name, *format); };
  });
}

}  // namespace amas::cli
