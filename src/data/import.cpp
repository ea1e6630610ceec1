#include "data/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/threads.h"
#include "crypto/digest.h"
#include "data/mail.h"
#include "data/source_files.h"
#include "data/stack.h"

namespace amas::data {
namespace {

constexpr std::size_t kSkippedShown = 20;
constexpr std::uint64_t kProgressEvery = 64;

struct Ending {
  std::string_view ending;
  std::string_view format;
};
constexpr std::array<Ending, 8> kEndings{{{".csv", "csv"},
                                          {".tsv", "csv"},
                                          {".jsonl", "jsonl"},
                                          {".ndjson", "jsonl"},
                                          {".parquet", "parquet"},
                                          {".pq", "parquet"},
                                          {".eml", "mail"},
                                          {".mail", "mail"}}};
constexpr std::array<std::string_view, 4> kFormats{"csv", "jsonl", "parquet", "mail"};

std::string_view format_of_ending(const fs::path& path) {
  for (const Ending& known : kEndings)
    if (path.extension() == known.ending) return known.format;
  return {};
}

// A folder is mail, unless all in it says otherwise.
Result<std::string> format_of_folder(const Source& source) {
  AMAS_TRY(const auto files, source_files(source.path));
  const auto is_table = [](const SourceFile& file) {
    const auto format = format_of_ending(file.path);
    return !format.empty() && format != "mail";
  };
  if (!source.labels.empty() || !std::ranges::all_of(files, is_table)) return std::string("mail");
  const fs::path& first = files.front().path;
  return invalid_argument(fmt::format(
      "the source is a folder of tables, and a folder is read as mail: {}: {} and {} more; set format "
      "to {}, or name the files: {}",
      source.path, files.front().name, files.size() - 1, format_of_ending(first),
      (fs::path(source.path) / ("*" + first.extension().string())).string()));
}

Result<std::string> format_of(const Source& source) {
  std::string format = source.format;
  std::error_code ignored;
  if (format.empty() && fs::is_directory(source.path, ignored)) return format_of_folder(source);
  if (format.empty()) format = format_of_ending(source.path);
  if (std::find(kFormats.begin(), kFormats.end(), format) != kFormats.end()) return format;
  if (source.format.empty())
    return invalid_argument(
        fmt::format("cannot tell the format from the file's ending: {}; set format to one of: {}",
                    source.path, fmt::join(kFormats, ", ")));
  const auto near = nearest(format, {kFormats.begin(), kFormats.end()});
  return invalid_argument(fmt::format("unknown format: \"{}\"{}; known: {}", format,
                                      near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                      fmt::join(kFormats, ", ")));
}

std::string label_of(const Source& source, const SourceFile& file) {
  if (source.labels.empty())
    return fs::absolute(file.path).lexically_normal().parent_path().filename().string();
  for (const auto& [pattern, label] : source.labels)
    if (fits(pattern, file.name)) return label;
  return {};
}

// The files to read: of mail those with a label; in a folder that is read as tables those with the format's
// ending.
Result<std::vector<SourceFile>> files_of(const Source& source, std::string_view format) {
  AMAS_TRY(auto files, source_files(source.path));
  std::error_code ignored;
  if (format == "mail")
    std::erase_if(files, [&](const SourceFile& file) { return label_of(source, file).empty(); });
  else if (fs::is_directory(source.path, ignored))
    std::erase_if(files, [&](const SourceFile& file) { return format_of_ending(file.path) != format; });
  if (files.empty())
    return not_found(fmt::format("the source has no file {}: {}",
                                 format == "mail" ? "that fits a pattern of its labels"
                                                  : fmt::format("with an ending of format {}", format),
                                 source.path));
  return files;
}

std::string digest_of(const std::vector<SourceFile>& files, const std::vector<std::string>& content_digests) {
  std::string lines;
  for (std::size_t i = 0; i < files.size(); ++i)
    lines += fmt::format("{}  {}\n", content_digests[i], files[i].name);
  return crypto::sha256_hex(lines);
}

struct ReadMail {
  Result<MailText> text = MailText{};
  std::optional<Error> unreadable;  // the file, not the mail in it
  std::string digest;
  std::uint64_t bytes = 0;
};

ReadMail read_mail(const SourceFile& file) {
  ReadMail mail;
  const auto raw = read_file(file.path);
  if (!raw) {
    mail.unreadable = raw.error();
    return mail;
  }
  mail.bytes = raw->size();
  mail.digest = crypto::sha256_hex(*raw);
  mail.text = parse_mail(*raw);
  return mail;
}

table::Column text_column(std::string name, std::vector<std::string> cells) {
  return {std::move(name), std::move(cells), {}};
}

Result<table::Table> mail_table(const Source& source, const std::vector<SourceFile>& files,
                                std::vector<ReadMail>& mails, ImportReport& report) {
  std::vector<std::string> names, subjects, bodies, texts, labels;
  for (std::size_t i = 0; i < files.size(); ++i) {
    ReadMail& mail = mails[i];
    if (mail.unreadable) return *mail.unreadable;
    report.bytes += mail.bytes;
    if (!mail.text) {
      if (report.skipped_count++ < kSkippedShown)
        report.skipped.push_back(files[i].name + ": " + mail.text.error().message);
      continue;
    }
    std::string text = mail.text->subject;
    if (!text.empty() && !mail.text->body.empty()) text += ' ';
    text += mail.text->body;
    names.push_back(to_valid_utf8(files[i].name));
    labels.push_back(to_valid_utf8(label_of(source, files[i])));
    texts.push_back(std::move(text));
    subjects.push_back(std::move(mail.text->subject));
    bodies.push_back(std::move(mail.text->body));
  }
  std::vector<table::Column> columns;
  columns.push_back(text_column("file", std::move(names)));
  columns.push_back(text_column("subject", std::move(subjects)));
  columns.push_back(text_column("body", std::move(bodies)));
  columns.push_back(text_column("text", std::move(texts)));
  columns.push_back(text_column("label", std::move(labels)));
  return table::Table::of(std::move(columns));
}

Result<table::Table> import_mail(const Source& source, const std::vector<SourceFile>& files,
                                 std::size_t threads, ImportReport& report, const ImportProgress& progress) {
  std::vector<ReadMail> mails(files.size());
  Guarded<std::uint64_t> done;
  parallel_for(files.size(), threads, [&](std::size_t i) {
    mails[i] = read_mail(files[i]);
    done.with([&](std::uint64_t& count) {
      ++count;
      if (progress && (count % kProgressEvery == 0 || count == files.size())) progress(count, files.size());
    });
  });
  AMAS_TRY(auto table, mail_table(source, files, mails, report));
  std::vector<std::string> digests;
  for (const ReadMail& mail : mails) digests.push_back(mail.digest);
  report.source_digest = digest_of(files, digests);
  return table;
}

// What a file holds is no fault of the command or the spec that names it.
Error data_fault(Error error) {
  if (error.code == Code::kInvalidArgument) error.code = Code::kFailedPrecondition;
  return error;
}

Result<table::Table> import_tables(const std::vector<SourceFile>& files, std::string_view format,
                                   table::TableReader& reader, ImportReport& report,
                                   const ImportProgress& progress) {
  std::vector<std::string> digests;
  std::vector<table::Table> tables;
  for (const SourceFile& file : files) {
    auto table = reader.read(file.path.string(), format);
    if (!table) return data_fault(table.error());
    if (!tables.empty())
      if (const auto fit = columns_agree(tables.front(), *table); !fit)
        return data_fault(fit.error().at(file.path.string()));
    AMAS_TRY(auto digest, crypto::sha256_file(file.path));
    std::error_code ignored;
    report.bytes += fs::file_size(file.path, ignored);
    tables.push_back(std::move(*table));
    digests.push_back(std::move(digest));
    if (progress) progress(tables.size(), files.size());
  }
  report.source_digest = digest_of(files, digests);
  return stacked(std::move(tables));
}

std::string files_text(std::uint64_t files) { return fmt::format("{} file{}", files, files == 1 ? "" : "s"); }

}  // namespace

Status check_source(const Source& source) {
  AMAS_TRY(const auto format, format_of(source));
  AMAS_CHECK(files_of(source, format));
  return {};
}

Result<std::string> source_digest(const Source& source) {
  AMAS_TRY(const auto format, format_of(source));
  AMAS_TRY(const auto files, files_of(source, format));
  std::vector<std::string> digests;
  for (const SourceFile& file : files) {
    AMAS_TRY(auto digest, crypto::sha256_file(file.path));
    digests.push_back(std::move(digest));
  }
  return digest_of(files, digests);
}

Result<table::Table> import_source(const Source& source, table::TableReader& reader, std::size_t threads,
                                   ImportReport& report, const ImportProgress& progress) {
  report = {};
  AMAS_TRY(const auto format, format_of(source));
  AMAS_TRY(const auto files, files_of(source, format));
  report.files = files.size();
  AMAS_TRY(auto table, format == "mail" ? import_mail(source, files, threads, report, progress)
                                        : import_tables(files, format, reader, report, progress));
  report.rows = table.rows();
  if (table.rows() == 0)
    return failed_precondition(
        report.skipped_count == 0
            ? fmt::format("the source has no rows: {}: {} read; add rows below the header, or check the path",
                          source.path, files_text(report.files))
            : fmt::format(
                  "not one row could be read: {}: {} of {} skipped, the first: {}; check path and format",
                  source.path, report.skipped_count, files_text(report.files), report.skipped.front()));
  return table;
}

}  // namespace amas::data
