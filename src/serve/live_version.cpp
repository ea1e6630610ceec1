#include "serve/live_version.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/limits.h"
#include "base/log.h"
#include "serve/admission.h"
#include "serve/warm_up.h"
#include "serve/failures.h"

namespace amas::serve {
namespace {

constexpr std::string_view kRaw = "serving_default";
constexpr std::string_view kTensors = "tensors";

std::vector<engine::TensorSpec> specs_of(const std::vector<features::Port>& ports) {
  std::vector<engine::TensorSpec> specs;
  for (const features::Port& port : ports) specs.push_back({port.name, port.dtype, port.shape});
  return specs;
}

/// What a variant computes with on this processor; "" where its engine offers no choice.
std::string precision_here(const model::Package& package, std::string_view variant,
                           const engine::Engine& engine) {
  const model::Variant& chosen = *package.manifest().find_variant(variant);
  if (chosen.precision.empty()) return "";
  return engine.runs_as({.engine = chosen.engine, .precision = chosen.precision});
}

bool are_alike(const Pending& a, const Pending& b) {
  for (std::size_t i = 0; i < a.request.inputs.size(); ++i) {
    const Shape& left = a.request.inputs[i].tensor.shape();
    const Shape& right = b.request.inputs[i].tensor.shape();
    if (!std::equal(left.begin() + 1, left.end(), right.begin() + 1, right.end())) return false;
  }
  return true;
}

/// The tensor [rows, width] with zeros behind each row.
Tensor widened(const Tensor& tensor, std::int64_t width) {
  Tensor wide(tensor.dtype(), {tensor.rows(), width});
  const std::size_t from = static_cast<std::size_t>(tensor.shape()[1]) * dtype_bytes(tensor.dtype());
  const std::size_t to = static_cast<std::size_t>(width) * dtype_bytes(tensor.dtype());
  for (std::size_t row = 0; row < static_cast<std::size_t>(tensor.rows()); ++row)
    std::ranges::copy(tensor.bytes().subspan(row * from, from), wide.bytes().subspan(row * to, to).begin());
  return wide;
}

/// Input i of all requests, behind each other.
Result<Tensor> joined(Batch& batch, std::size_t i) {
  std::int64_t width = 0;
  for (const auto& pending : batch)
    if (const Shape& shape = pending->request.inputs[i].tensor.shape(); shape.size() == 2)
      width = std::max(width, shape[1]);
  std::vector<TensorView> parts;
  for (auto& pending : batch) {
    Tensor& tensor = pending->request.inputs[i].tensor;
    if (tensor.shape().size() == 2 && tensor.shape()[1] < width) tensor = widened(tensor, width);
    parts.emplace_back(tensor);
  }
  return concat_rows(parts);
}

/// Takes those out that are like this.
template <class IsLike>
Batch take_if(Batch& batch, IsLike is_like) {
  Batch taken;
  for (auto& pending : batch)
    if (is_like(*pending)) taken.push_back(std::move(pending));
  std::erase(batch, nullptr);
  return taken;
}

bool is_given_up(const Pending& pending) {
  const auto& gone = pending.request.gone;
  return gone != nullptr && gone->load(std::memory_order_relaxed);
}

std::int64_t rows_of(const Batch& batch) {
  std::int64_t rows = 0;
  for (const auto& pending : batch) rows += pending->rows;
  return rows;
}

}  // namespace

LiveVersion::LiveVersion(Origin origin, std::shared_ptr<ServableVersion> servable, const Surroundings& around)
    : origin_(std::move(origin)),
      servable_(std::move(servable)),
      around_(around),
      raw_inputs_(servable_->pipeline() ? specs_of(servable_->pipeline()->inputs())
                                        : std::vector<engine::TensorSpec>()),
      takes_padding_(servable_->pipeline() && servable_->pipeline()->text_type() == "tfidf"),
      metrics_(around.metrics, origin_.deployment, std::to_string(origin_.version)) {
  around_.metrics.gauge("amas_models_loaded", "Model versions in memory.")->add(1);
}

LiveVersion::~LiveVersion() {
  around_.metrics.gauge("amas_models_loaded", "Model versions in memory.")->add(-1);
  log::info("model_unloaded", {{"model", origin_.deployment}, {"version", origin_.version}});
}

Result<std::shared_ptr<LiveVersion>> LiveVersion::load(const Origin& origin, engine::Engine& engine,
                                                       const Surroundings& around) {
  const std::int64_t begin_us = around.clock.steady_us();
  AMAS_TRY(const model::Package package, origin.digest.empty()
                                             ? model::Package::open(origin.package)
                                             : model::Package::open(origin.package, origin.digest));
  AMAS_TRY(auto servable, ServableVersion::load(package, origin.variant, engine));
  AMAS_CHECK(warm_up(*servable));
  const double load_s = static_cast<double>(around.clock.steady_us() - begin_us) * 1e-6;
  around.metrics
      .gauge("amas_model_load_seconds", "Time that loading took, with its warm-up row.",
             {{"model", origin.deployment}, {"version", std::to_string(origin.version)}})
      ->set(load_s);
  log::info("model_loaded", {{"model", origin.deployment},
                             {"version", origin.version},
                             {"variant", origin.variant},
                             {"precision", precision_here(package, origin.variant, engine)},
                             {"digest", package.digest()},
                             {"seconds", load_s}});
  return std::shared_ptr<LiveVersion>(new LiveVersion(origin, std::move(servable), around));
}

VersionStatus LiveVersion::status(VersionState state) const {
  VersionStatus status;
  status.version = origin_.version;
  status.variant = origin_.variant;
  status.state = state;
  return status;
}

Result<std::unique_ptr<Pending>> LiveVersion::admit(InferRequest& request) const {
  const bool is_raw = request.signature == kRaw && servable_->pipeline() != nullptr;
  if (request.signature != kRaw && request.signature != kTensors)
    return not_found(
        fmt::format("no such signature: {}; there are: {}, {}", request.signature, kRaw, kTensors));
  AMAS_TRY(auto pending,
           serve::admit(request, is_raw ? raw_inputs_ : servable_->tensor_inputs(), servable_->has_rows()));
  pending->is_raw = is_raw;
  return pending;
}

void LiveVersion::refuse(const InferRequest& request, const Error& error, std::int64_t admitted_us) {
  metrics_.count_failure(error.code);
  around_.observer.on_request(origin_.deployment, origin_.version, error.code, false,
                              around_.clock.steady_us() - admitted_us);
  if (log::enabled(log::Level::kDebug))
    log::write(log::Level::kDebug, "request_refused",
               {{"model", origin_.deployment},
                {"version", origin_.version},
                {"tenant", request.tenant},
                {"request_id", request.request_id},
                {"trace_id", request.trace_id},
                {"span_id", request.span_id},
                {"code", code_name(error.code)}});
}

void LiveVersion::run(Batch batch) {
  const std::int64_t dequeued_us = around_.clock.steady_us();
  metrics_.queue_rows->add(-static_cast<double>(rows_of(batch)));
  if (Batch lost = take_if(batch, is_given_up); !lost.empty())
    fail(std::move(lost), {Code::kCancelled, "the client has gone away"});
  const auto is_late = [&](const Pending& one) { return dequeued_us > one.request.deadline_us; };
  if (Batch late = take_if(batch, is_late); !late.empty())
    fail(std::move(late), {Code::kDeadlineExceeded, "the request waited beyond its deadline; retry later"});
  for (auto& pending : batch) pending->dequeued_us = dequeued_us;
  Batch graph_inputs;
  for (auto& pending : batch)
    if (!pending->is_raw) graph_inputs.push_back(std::move(pending));
  std::erase(batch, nullptr);
  // From here on no request is late or given up, and each batch is of one signature.
  if (!batch.empty()) run_raw(std::move(batch));
  while (!graph_inputs.empty())
    run_tensors(takes_padding_ ? take_fitting(graph_inputs) : take_alike(graph_inputs));
}

Batch LiveVersion::take_alike(Batch& batch) const {
  Batch alike;
  for (auto& pending : batch)
    if (alike.empty() || (servable_->has_rows() && are_alike(*alike[0], *pending)))
      alike.push_back(std::move(pending));
  std::erase(batch, nullptr);
  return alike;
}

// From the front as many as fit limits::kBatchBytesMax when padded to the widest of them; one at least.
Batch LiveVersion::take_fitting(Batch& batch) const {
  Batch fitting;
  std::size_t rows = 0, row_bytes = 0;
  for (auto& pending : batch) {
    std::size_t own_bytes = 0;
    for (const NamedTensor& input : pending->request.inputs)
      own_bytes += TensorView(input.tensor).row_size() * dtype_bytes(input.tensor.dtype());
    row_bytes = std::max(row_bytes, own_bytes);
    rows += static_cast<std::size_t>(pending->rows);
    if (!fitting.empty() && rows * row_bytes > limits::kBatchBytesMax) break;
    fitting.push_back(std::move(pending));
  }
  std::erase(batch, nullptr);
  return fitting;
}

void LiveVersion::run_raw(Batch batch) {
  const Status status = servable_->is_sparse() ? run_sparse(batch) : run_prepared(batch);
  if (status) return;
  if (batch.size() == 1) return fail(std::move(batch), status.error());
  // One request has spoilt the batch: each gets its own outcome.
  for (auto& pending : batch) {
    Batch alone;
    alone.push_back(std::move(pending));
    run_raw(std::move(alone));
  }
}

Status LiveVersion::run_prepared(Batch& batch) {
  AMAS_TRY(Work work, prepare(batch));
  execute(std::move(work));
  return {};
}

Status LiveVersion::run_sparse(Batch& batch) {
  RequestTimes times;
  const std::int64_t begin_us = around_.clock.steady_us();
  AMAS_TRY(const Columns columns, columns_of(batch));
  std::vector<features::TextObservation> observed;
  std::vector<Tensor> outputs;
  AMAS_TRY(outputs.emplace_back(), servable_->score_sparse(columns.views, &observed));
  times.engine_us = around_.clock.steady_us() - begin_us;
  times.batch_rows = observed.size();
  metrics_.batch_rows->observe(static_cast<double>(times.batch_rows));
  answer(std::move(batch), observed, std::move(outputs), times);
  return {};
}

void LiveVersion::run_tensors(Batch batch) {
  auto work = join(batch);
  if (work) return execute(std::move(*work));
  fail(std::move(batch), work.error());
}

Result<LiveVersion::Columns> LiveVersion::columns_of(Batch& batch) const {
  Columns columns;
  columns.views.reserve(raw_inputs_.size());
  if (batch.size() > 1) columns.joined.reserve(raw_inputs_.size());
  for (std::size_t i = 0; i < raw_inputs_.size(); ++i) {
    if (batch.size() > 1) {
      AMAS_TRY(columns.joined.emplace_back(), joined(batch, i));
    }
    columns.views.emplace_back(batch.size() > 1 ? columns.joined[i] : batch[0]->request.inputs[i].tensor);
  }
  return columns;
}

Result<LiveVersion::Work> LiveVersion::prepare(Batch& batch) const {
  const std::int64_t begin_us = around_.clock.steady_us();
  AMAS_TRY(const Columns columns, columns_of(batch));
  Work work;
  AMAS_TRY(work.inputs, servable_->prepare(columns.views, &work.observed));
  work.times.features_us = around_.clock.steady_us() - begin_us;
  work.requests = std::move(batch);
  return work;
}

Result<LiveVersion::Work> LiveVersion::join(Batch& batch) const {
  Work work;
  GraphInputs& inputs = work.inputs.emplace_back();
  for (std::size_t i = 0; i < batch[0]->request.inputs.size(); ++i) {
    if (batch.size() == 1) {
      inputs.push_back(std::move(batch[0]->request.inputs[i].tensor));
      continue;
    }
    AMAS_TRY(inputs.emplace_back(), joined(batch, i));
  }
  work.requests = std::move(batch);
  return work;
}

void LiveVersion::execute(Work work) {
  const std::int64_t rows = rows_of(work.requests);
  const auto rows_max = static_cast<std::int64_t>(around_.options.batch_rows_max);
  const auto run_rows = [&](RowRange range) {
    const std::int64_t begin_us = around_.clock.steady_us();
    auto outputs = servable_->has_rows() ? servable_->run(work.inputs, range, rows_max)
                                         : servable_->run_whole(work.inputs.at(0));
    work.times.engine_us = around_.clock.steady_us() - begin_us;
    work.times.batch_rows = static_cast<std::size_t>(range.end - range.begin);
    metrics_.batch_rows->observe(static_cast<double>(range.end - range.begin));
    if (outputs) statistics_.count_run(work.times);
    return outputs;
  };
  const std::span<const features::TextObservation> observed(work.observed);
  auto outputs = run_rows({0, rows});
  if (outputs) return answer(std::move(work.requests), observed, std::move(*outputs), work.times);
  if (work.requests.size() == 1) return fail_in_engine(std::move(work.requests), outputs.error());
  // One request has spoilt the batch (a token beyond the table, say): each gets its own outcome.
  Batch requests = std::move(work.requests);
  std::int64_t begin = 0;
  for (auto& pending : requests) {
    const RowRange range{begin, begin + pending->rows};
    begin = range.end;
    auto own = run_rows(range);
    Batch alone;
    alone.push_back(std::move(pending));
    if (!own) {
      fail_in_engine(std::move(alone), own.error());
      continue;
    }
    const auto part = observed.empty() ? observed
                                       : observed.subspan(static_cast<std::size_t>(range.begin),
                                                          static_cast<std::size_t>(range.end - range.begin));
    answer(std::move(alone), part, std::move(*own), work.times);
  }
}

void LiveVersion::answer(Batch requests, std::span<const features::TextObservation> observed,
                         std::vector<Tensor> outputs, RequestTimes times) {
  auto named = name_outputs(requests[0]->is_raw, std::move(outputs), rows_of(requests));
  if (!named) return fail(std::move(requests), named.error());
  observe(observed, *named);
  std::int64_t begin = 0;
  for (auto& pending : requests) {
    InferResponse response{origin_.deployment, origin_.version, {}, {}};
    if (requests.size() == 1) response.outputs = std::move(*named);
    else
      for (const NamedTensor& output : *named)
        response.outputs.push_back(
            {output.name, copy(TensorView(output.tensor, begin, begin + pending->rows))});
    begin += pending->rows;
    times.queue_us = pending->dequeued_us - pending->admitted_us;
    times.total_us = around_.clock.steady_us() - pending->admitted_us;
    response.times = times;
    finish(*pending, std::move(response), times);
    pending.reset();
  }
}

Result<std::vector<NamedTensor>> LiveVersion::name_outputs(bool is_raw, std::vector<Tensor> outputs,
                                                           std::int64_t rows) const {
  for (const Tensor& output : outputs)
    if (servable_->has_rows() && (output.shape().empty() || output.rows() != rows))
      return internal_error(
          fmt::format("the graph gave {} for {} rows; its first dimension must be the batch",
                      format_shape(output.shape()), rows));
  std::vector<NamedTensor> named;
  named.reserve(std::max<std::size_t>(outputs.size(), 2));
  if (is_raw) {
    AMAS_TRY(Tensor scores, servable_->scores_of(std::move(outputs)));
    named.push_back({"label", Tensor::of_strings({rows}, servable_->best_labels(scores))});
    named.push_back({"scores", std::move(scores)});
    return named;
  }
  const auto& specs = servable_->graph().outputs();
  if (outputs.size() != specs.size())
    return internal_error("the graph gave another number of outputs than it declares");
  for (std::size_t i = 0; i < outputs.size(); ++i) named.push_back({specs[i].name, std::move(outputs[i])});
  return named;
}

void LiveVersion::observe(std::span<const features::TextObservation> observed,
                          const std::vector<NamedTensor>& outputs) {
  const auto at = std::ranges::find(outputs, "scores", &NamedTensor::name);
  if (at == outputs.end() || at->tensor.dtype() != DType::kFloat32 || at->tensor.shape().size() != 2) return;
  around_.observer.on_rows(origin_.deployment, origin_.version, observed, at->tensor.data<float>(),
                           static_cast<std::size_t>(at->tensor.shape()[1]));
}

void LiveVersion::fail_in_engine(Batch batch, const Error& error) {
  const InferRequest& request = batch[0]->request;
  log::warn("engine_failed", {{"model", origin_.deployment},
                              {"version", origin_.version},
                              {"variant", origin_.variant},
                              {"request_id", request.request_id},
                              {"trace_id", request.trace_id},
                              {"code", code_name(error.code)},
                              {"error", engine_failure_for_log(error.message)}});
  fail(std::move(batch), engine_failure_for_client(error.code));
}

void LiveVersion::fail(Batch batch, const Error& error) {
  for (auto& pending : batch) {
    RequestTimes times;
    times.total_us = around_.clock.steady_us() - pending->admitted_us;
    finish(*pending, error, times);
  }
}

void LiveVersion::finish(Pending& pending, Result<InferResponse> response, const RequestTimes& times) {
  const bool ok = response.has_value();
  const Code code = ok ? Code::kUnknown : response.error().code;
  if (ok) metrics_.count_answer(times);
  else metrics_.count_failure(code);
  if (ok) statistics_.count_answer(times, pending.rows, around_.clock);
  else statistics_.count_failure(times, around_.clock);
  // That a client went away says nothing of the model.
  if (code != Code::kCancelled)
    around_.observer.on_request(origin_.deployment, origin_.version, code, ok, times.total_us);
  if (log::enabled(log::Level::kDebug))
    log::write(log::Level::kDebug, "request",
               {{"model", origin_.deployment},
                {"version", origin_.version},
                {"tenant", pending.request.tenant},
                {"request_id", pending.request.request_id},
                {"trace_id", pending.request.trace_id},
                {"span_id", pending.request.span_id},
                {"code", ok ? std::string_view("OK") : code_name(code)},
                {"rows", pending.rows},
                {"batch_rows", times.batch_rows},
                {"features_us", times.features_us},
                {"queue_us", times.queue_us},
                {"engine_us", times.engine_us},
                {"total_us", times.total_us}});
  pending.callback(std::move(response));
}

}  // namespace amas::serve
