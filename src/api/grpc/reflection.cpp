#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <set>
#include <string>
#include <vector>

#include "api/grpc/standard.h"
#include "grpc_reflection.pb.h"

namespace amas::rpc {
namespace {

namespace pb = google::protobuf;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

void fail(ServerReflectionResponse& response, Code code, const std::string& message) {
  response.mutable_error_response()->set_error_code(static_cast<int>(code));
  response.mutable_error_response()->set_error_message(message);
}

// A file and all that it imports, each once.
void append_files(const pb::FileDescriptor& file, std::set<const pb::FileDescriptor*>& given,
                  ServerReflectionResponse& response) {
  if (!given.insert(&file).second) return;
  pb::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.mutable_file_descriptor_response()->add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) append_files(*file.dependency(i), given, response);
}

void give_file(const pb::FileDescriptor* file, const std::string& what, ServerReflectionResponse& response) {
  if (file == nullptr) return fail(response, Code::kNotFound, "not known: " + what);
  std::set<const pb::FileDescriptor*> given;
  append_files(*file, given, response);
}

void list_extensions(const std::string& type, ServerReflectionResponse& response) {
  const pb::DescriptorPool& pool = *pb::DescriptorPool::generated_pool();
  const pb::Descriptor* message = pool.FindMessageTypeByName(type);
  if (message == nullptr) return fail(response, Code::kNotFound, "not known: " + type);
  auto& numbers = *response.mutable_all_extension_numbers_response();
  numbers.set_base_type_name(type);
  std::vector<const pb::FieldDescriptor*> extensions;
  pool.FindAllExtensions(message, &extensions);
  for (const pb::FieldDescriptor* extension : extensions) numbers.add_extension_number(extension->number());
}

ServerReflectionResponse answer(const ServerReflectionRequest& request,
                                const std::vector<std::string>& services) {
  const pb::DescriptorPool& pool = *pb::DescriptorPool::generated_pool();
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      for (const std::string& name : services)
        response.mutable_list_services_response()->add_service()->set_name(name);
      break;
    case ServerReflectionRequest::kFileByFilename:
      give_file(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      give_file(pool.FindFileContainingSymbol(request.file_containing_symbol()),
                request.file_containing_symbol(), response);
      break;
    case ServerReflectionRequest::kAllExtensionNumbersOfType:
      list_extensions(request.all_extension_numbers_of_type(), response);
      break;
    default:
      fail(response, Code::kNotFound, "no extension of that number is known");
  }
  return response;
}

}  // namespace

void add_reflection(Router& router) {
  const std::vector<std::string> services = router.services();
  for (const char* version : {"v1", "v1alpha"})
    router.add_stream(
        std::string("/grpc.reflection.") + version + ".ServerReflection/ServerReflectionInfo",
        [services](const Request& request, const std::shared_ptr<StreamReply>& stream) {
          ServerReflectionRequest asked;
          ServerReflectionResponse response;
          if (asked.ParseFromArray(request.message.data(), static_cast<int>(request.message.size())))
            response = answer(asked, services);
          else fail(response, Code::kInvalidArgument, "the message cannot be read");
          stream->send(response.SerializeAsString());
        });
}

}  // namespace amas::rpc
