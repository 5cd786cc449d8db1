module etcdctl-stack.test/pause

go 1.26.0
