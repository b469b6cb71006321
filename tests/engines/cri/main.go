// SPDX-License-Identifier: Apache-2.0

// Command cri is as much of a CRI client as the tests need: one call per run, JSON in and out, spelled as the protocol
// spells it. It is a module of its own, so that kist's go.mod stays without gRPC.
//
//	cri SOCKET METHOD [REQUEST]
//
// METHOD is a method of RuntimeService or ImageService, REQUEST the JSON of its message ("{}" when left out). The
// response is printed as JSON. The exit status is 1 when the call fails; the error is then on stderr.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"reflect"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	if err := call(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cri:", err)
		os.Exit(1)
	}
}

func call(args []string) error {
	if len(args) < 2 || len(args) > 3 {
		return fmt.Errorf("usage: cri SOCKET METHOD [REQUEST]")
	}
	request := "{}"
	if len(args) == 3 {
		request = args[2]
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	conn, err := grpc.DialContext(ctx, args[0], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithBlock(),
		grpc.WithContextDialer(func(ctx context.Context, path string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}))
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	defer conn.Close()

	method := reflect.ValueOf(runtime.NewRuntimeServiceClient(conn)).MethodByName(args[1])
	if !method.IsValid() {
		method = reflect.ValueOf(runtime.NewImageServiceClient(conn)).MethodByName(args[1])
	}
	if !method.IsValid() {
		return fmt.Errorf("%s: no such method", args[1])
	}
	// Every method is func(ctx, *Request, ...grpc.CallOption) (*Response, error).
	in := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal([]byte(request), in.Interface()); err != nil {
		return fmt.Errorf("%s: request: %w", args[1], err)
	}
	out := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if err, ok := out[1].Interface().(error); ok {
		return fmt.Errorf("%s: %w", args[1], err)
	}
	return json.NewEncoder(os.Stdout).Encode(out[0].Interface())
}
